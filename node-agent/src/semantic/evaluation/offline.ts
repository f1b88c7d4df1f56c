/** While training: `node offline.ts questions VOCABULARY COMMON OUT` writes what the model gets; `node offline.ts score ...` judges what it said. */
import { readFile, writeFile } from 'node:fs/promises';
import { readManifest } from '@fleet/shared/catalogue.ts';
import { NO_QUERY, readForm } from '@fleet/shared/semantic/form.ts';
import { Lexicon } from '@fleet/shared/semantic/spelling.ts';
import { NameTable, tag } from '@fleet/shared/semantic/tag.ts';
import { writeTerm } from '@fleet/shared/term.ts';
import { canonical, FRESH_SITE, freshFile, readFresh } from './fresh.ts';

const manifest = readManifest(JSON.parse(await readFile(`${import.meta.dirname}/../../../../kb/manifest.json`, 'utf8')));
const [command, vocabularyFile = '', common = '4000', file = '', show = ''] = process.argv.slice(2);
const vocabulary = JSON.parse(await readFile(vocabularyFile, 'utf8'));
const lexicon = new Lexicon(vocabulary.domain, vocabulary.common.slice(0, Number(common)));
const names = new NameTable(FRESH_SITE);
const sets = ['a', 'b', 'c'];
const all = (await Promise.all(sets.map(async (set) => (await readFresh(freshFile(set))).map((one) => ({ ...one, set }))))).flat();
const lines = all.flatMap((question, at) => tag(question.text, names, lexicon).map((reading) => ({ at, question, reading })));
if (command === 'questions') await writeFile(file, lines.map(({ reading }) => reading.words.join(' ')).join('\n') + '\n');
else {
  const said = (await readFile(file, 'utf8')).trimEnd().split('\n').map((line) => line.split('\t') as [string, string]);
  const best = new Map<number, { sure: number; text: string; words: string; query: string | null; what: string }>();
  for (const [i, { at, reading }] of lines.entries()) {
    const [sure, text] = said[i] ?? ['0', ''];
    let query: string | null = null;
    let what = Object.values(NO_QUERY).includes(text as never) ? text : 'broken';
    if (what === 'broken') {
      try {
        query = writeTerm(readForm(text, reading, manifest));
        canonical(query, manifest);
        what = 'query';
      } catch (cause) {
        query = null;
        what = `broken ${(cause as Error).message}`;
      }
    }
    const covered = [...reading.entities.keys(), ...reading.quantities.keys()].every((one) => text.includes(one));
    if (what === 'query' && !covered) what = 'uncovered';
    const rank = Number(sure) + (what === 'query' ? 1 : 0);
    if ((best.get(at)?.sure ?? -1) < rank) best.set(at, { sure: rank, text, words: reading.words.join(' '), query, what });
  }
  for (const set of sets) {
    const count = { right: 0, wrong: 0, said_no: 0, answerable: 0, refused_right: 0, refusable: 0, passed: 0 };
    const points: [number, boolean, boolean][] = [];
    for (const [at, question] of all.entries()) {
      if (question.set !== set) continue;
      const got = best.get(at);
      if (got === undefined) continue;
      const { expected } = question;
      if (expected.kind === 'query') {
        count.answerable += 1;
        const wanted = expected.queries.map((query) => {
          try {
            return canonical(query, manifest);
          } catch (cause) {
            if (set === show) console.log(`BAD GOLD ${question.at} ${query}: ${(cause as Error).message}`);
            return '';
          }
        });
        const right = got.what === 'query' && wanted.includes(canonical(got.query ?? '', manifest));
        if (right) count.right += 1;
        else if (got.what === 'query') count.wrong += 1;
        else count.said_no += 1;
        points.push([got.sure, right, got.what === 'query']);
        if (set === show && !right) console.log(`${(got.sure % 1).toFixed(2)} ${question.text}\n      ${got.words}\n      got    ${got.what === 'query' ? got.query : got.what + ' ' + got.text}\n      wanted ${expected.queries.join('  |  ')}`);
      } else {
        count.refusable += 1;
        if (got.what !== 'query') count.refused_right += 1;
        else {
          count.passed += 1;
          points.push([got.sure, false, true]);
          if (set === show) console.log(`PASSED ${(got.sure % 1).toFixed(2)} ${question.text} -> ${got.query}`);
        }
      }
    }
    console.log(set, JSON.stringify(count), `right ${((100 * count.right) / count.answerable).toFixed(1)} %`);
    const sorted = points.filter(([, , isQuery]) => isQuery).sort((x, y) => y[0] - x[0]);
    let right = 0;
    let wrong = 0;
    const out: string[] = [];
    for (const [i, [sure, isRight]] of sorted.entries()) {
      if (isRight) right += 1;
      else wrong += 1;
      if ((i + 1) % 15 === 0) out.push(`${(sure - 1).toFixed(2)}: ${right}/${wrong}`);
    }
    console.log('   confidence: right/wrong above', out.join('  '));
  }
}
