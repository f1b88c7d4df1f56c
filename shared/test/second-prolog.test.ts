/**
 * A second SWI-Prolog, another version built for WebAssembly without threads (npm's `swipl-wasm`), loads kb as it stands and
 * proves the golden corpus again: the same answers and the same proofs, byte for byte, and its checker accepts them.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import swipl from 'swipl-wasm';
import { corpus, KB } from './golden.ts';

test('another SWI-Prolog proves the golden corpus with the same bytes', async (t) => {
  const said: string[] = [];
  const engine = await swipl({
    arguments: ['-q'],
    print: (line: string) => void said.push(line),
    printErr: (line: string) => void said.push(line),
  });
  const copy = (folder: string) => {
    engine.FS.mkdir(`/kb/${folder}`.replace(/\/$/, ''));
    for (const entry of readdirSync(new URL(folder, KB), { withFileTypes: true })) {
      if (entry.isDirectory()) copy(`${folder}${entry.name}/`);
      else engine.FS.writeFile(`/kb/${folder}${entry.name}`, readFileSync(new URL(folder + entry.name, KB)));
    }
  };
  copy('');
  const loaded = engine.prolog.query("use_module('/kb/test/corpus')").once() as { success?: boolean };
  assert.ok(loaded.success, said.join('\n'));
  const version = engine.prolog.query('current_prolog_flag(version, V)').once() as { V: number };
  t.diagnostic(`SWI-Prolog ${version.V}`);
  assert.ok(corpus.length > 15);
  for (const { name, query, values, proof } of corpus) {
    const proved = engine.prolog.query('golden_texts(Text, Values, Proof)', { Text: query }).once() as {
      Values?: { toString(): string }[];
      Proof?: { toString(): string };
    };
    assert.deepEqual(
      [proved.Values?.map(String), String(proved.Proof)],
      [values, proof],
      `${name}: ${said.join('\n')}`,
    );
  }
});
