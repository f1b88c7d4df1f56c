/**
 * Puts trained voices where the agent looks for them: `node settle.ts DATA VOICE.gguf [VOICE.gguf ...]`. Writes translator.gguf, translator-2.gguf,
 * their metadata and sha256sums into node-agent/llm/models.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MODELS = join(import.meta.dirname, '../../../llm/models');
/** As many common words as train.py gave the model (`--common`). */
const COMMON = 1000;
/** Chosen on the fresh sets a, b and c; set d judges (docs/benchmarks.md). */
const THRESHOLDS = { run: 0.7, offer: 0.25, refuse: 1 };

const TRAINED = [
  'By node-agent/src/semantic/training on 800,000 samples three times over (seeds 11 and 22), on one GPU in four minutes each;',
  'the second voice then for 36 minutes on one core, with later phrasings.',
].join(' ');

async function main([data = '', ...voices]: readonly string[]): Promise<void> {
  const { domain, standIns, common } = JSON.parse(await readFile(join(data, 'vocabulary.json'), 'utf8'));
  await mkdir(MODELS, { recursive: true });
  const files = await Promise.all(voices.map((path) => readFile(path)));
  const names = files.map((_, at) => (at === 0 ? 'translator.gguf' : `translator-${at + 1}.gguf`));
  const digests = files.map((file) => createHash('sha256').update(file).digest('hex'));
  const metadata = {
    format: 1,
    style: 'words',
    voices: names.slice(1),
    digest: digests[0],
    thresholds: THRESHOLDS,
    trained: TRAINED,
    words: { domain, general: common.slice(0, COMMON), standIns },
  };
  for (const [at, name] of names.entries()) await writeFile(join(MODELS, name), files[at] ?? '');
  await writeFile(join(MODELS, 'translator.json'), `${JSON.stringify(metadata)}\n`);
  const sums = names.map((name, at) => `${digests[at]}  ${name}\n`);
  await writeFile(join(MODELS, 'sha256sums'), sums.join(''));
}

await main(process.argv.slice(2));
