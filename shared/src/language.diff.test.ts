/**
 * Differential tests against a real swipl and the knowledge base's own Prolog: reader and writer, arithmetic, order, the
 * language check, and the proof checker over live proofs and mutations of them.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { NOW, REPLY_BOUNDS, term } from '../test/fixture.ts';
import { Oracle, type OracleReply } from '../test/oracle.ts';
import { questions } from '../test/questions.ts';
import { floats, integers, terms, values } from '../test/terms.ts';
import { evaluate, holds } from './arithmetic.ts';
import { loadManifest } from './catalogue.ts';
import { asLogicError } from './errors.ts';
import { type CheckedAsk, checkAsk } from './language.ts';
import { checkProof, type ProofClaim } from './proof.ts';
import {
  atom,
  compareValues,
  compound,
  float,
  int,
  list,
  readTerm,
  sameTerm,
  type Term,
  writeTerm,
} from './term.ts';

const kb = new URL('../../kb/', import.meta.url).pathname;
const oracle = new Oracle(`${kb}main.pl`);
const manifest = await loadManifest(kb);
after(() => oracle.stop());
fc.configureGlobal({ includeErrorInReport: true });

/** What this side says, in the oracle's form. */
function reply(run: () => string): OracleReply {
  try {
    return { ok: run() };
  } catch (error) {
    const { code, message } = asLogicError(error);
    assert.notEqual(code, 'internal', String(error));
    return { error: code === 'too_large' ? `${code}: ${message}` : code };
  }
}

const claim = ({ goal, assumptions }: CheckedAsk, bindings: ReadonlyMap<string, Term>): ProofClaim => ({
  query: goal,
  assumptions,
  bindings,
  now: NOW,
  manifest,
});

/** Nameless variables numbered alike on both sides. */
function renamed(one: OracleReply): OracleReply {
  if ('error' in one) return one;
  const numbers = new Map<string, number>();
  const number = (name: string): string => {
    if (!numbers.has(name)) numbers.set(name, numbers.size);
    return `_${numbers.get(name)}`;
  };
  return { ok: one.ok.replace(/_G?\d+|(?:\$\d+)+[A-Za-z_]*\d*/g, number) };
}

const isAscii = (text: string): boolean => /^[\n\t\x20-\x7e]*$/.test(text);

test('swipl reads our canonical text as the same term, and writes ASCII terms the same', async () => {
  await fc.assert(
    fc.asyncProperty(terms, async (one) => {
      const text = writeTerm(one);
      const there = await oracle.ask('term', text);
      assert.ok('ok' in there, `${text}: ${JSON.stringify(there)}`);
      assert.ok(sameTerm(readTerm(there.ok, REPLY_BOUNDS).term, one), `${text} came back as ${there.ok}`);
      // Beyond ASCII, escaped or not, swipl goes by its own Unicode tables; names of symbols alone it leaves unquoted.
      if (isAscii(text) && !text.includes('\\x') && !/'[!#$&*+\-./:<=>?@^~\\{}]*'/.test(text))
        assert.equal(there.ok, text);
    }),
    { numRuns: 500 },
  );
});

test('operator notation reads as swipl reads it', async () => {
  const names = fc.constantFrom(
    'a',
    'X',
    'f(a)',
    '1',
    '-1',
    '0.5',
    '(a)',
    '[a,X]',
    '(a,b)',
    'f(a;b)',
    '- 1',
    '- (1)',
    '[]',
  );
  const glue = fc.constantFrom(
    ',',
    ';',
    ' < ',
    ' =:= ',
    ' is ',
    ' + ',
    ' - ',
    '*',
    ' / ',
    ' // ',
    ' mod ',
    ' == ',
    ' -',
    ', \\+ ',
    '; - ',
  );
  const lines = fc.tuple(
    fc.constantFrom('', '\\+ ', '- ', '\\+ \\+ '),
    names,
    fc.array(fc.tuple(glue, names), { maxLength: 4 }),
  );
  await fc.assert(
    fc.asyncProperty(lines, async ([prefix, first, rest]) => {
      const text = prefix + first + rest.flat().join('');
      const here = reply(() => writeTerm(term(text)));
      const there = await oracle.ask('term', text);
      assert.deepEqual(here, there, text);
    }),
    { numRuns: 500 },
  );
});

const operations = fc.oneof(
  ...[integers.map(int), floats.map(float), fc.integer({ min: -9, max: 9 }).map(int)].map(
    (number: fc.Arbitrary<Term>) =>
      fc.letrec<{ expr: Term }>((tie) => ({
        expr: fc.oneof(
          { maxDepth: 3, depthSize: 'small' },
          number,
          fc
            .tuple(fc.constantFrom('+', '-', '*', '//', 'mod', '/', 'min', 'max'), tie('expr'), tie('expr'))
            .map(([name, a, b]) => compound(name, [a, b])),
          fc.tuple(fc.constantFrom('-', 'abs', 'float'), tie('expr')).map(([name, a]) => compound(name, [a])),
        ),
      })).expr,
  ),
);

test('arithmetic has the values of the Prolog side, and where it has one, of is/2', async () => {
  await fc.assert(
    fc.asyncProperty(operations, async (expr) => {
      const text = writeTerm(expr);
      const here = reply(() => writeTerm(evaluate(expr)));
      assert.deepEqual(here, await oracle.ask('evaluate', text), text);
      if ('error' in here) return;
      const there = await oracle.ask('is', text);
      assert.ok('ok' in there, text);
      assert.equal(there.ok === '-0.0' ? '0.0' : there.ok, here.ok, text);
    }),
    { numRuns: 600 },
  );
});

test('comparisons decide as on the Prolog side', async () => {
  const number = fc.oneof(integers.map(int), floats.map(float)) as fc.Arbitrary<Term>;
  const goals = fc.tuple(fc.constantFrom('<', '>', '=<', '>=', '=:=', '=\\=', '==', '\\=='), number, number);
  await fc.assert(
    fc.asyncProperty(goals, async ([op, a, b]) => {
      const text = writeTerm(compound(op, [a, b]));
      assert.deepEqual(
        reply(() => String(holds(op, a, b))),
        await oracle.ask('holds', text),
        text,
      );
    }),
    { numRuns: 300 },
  );
});

test('columns of one type sort as in Prolog', async () => {
  const names = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 3 })
    .map((text) => text.normalize('NFC'))
    .filter((text) => !text.startsWith('$'));
  const columns = fc.oneof(
    fc.array(integers.map(int)),
    fc.array(floats.map(float)),
    fc.array(names.map(atom)),
    fc.array(fc.array(integers.map(int), { maxLength: 3 }).map(list)),
  ) as fc.Arbitrary<Term[]>;
  await fc.assert(
    fc.asyncProperty(columns, async (column) => {
      const sorted = column
        .toSorted(compareValues)
        .filter((value, i, all) => i === 0 || !sameTerm(value, all[i - 1] as Term));
      const there = await oracle.ask('order', writeTerm(list(column)));
      assert.ok('ok' in there && sameTerm(term(there.ok), list(sorted)), writeTerm(list(column)));
    }),
    { numRuns: 200 },
  );
});

test('questions are accepted with the same normal form, or refused with the same code', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(questions, async (text) => {
      const here = reply(() => {
        const { goal, assumptions } = checkAsk(text, manifest);
        const assumed = assumptions.map(({ fact, holds }) => compound(holds ? 'with' : 'without', [fact]));
        return writeTerm(compound('-', [goal, list(assumed)]));
      });
      const there = await oracle.ask('check', text);
      assert.deepEqual(renamed(here), renamed(there), text);
      if ('ok' in here) accepted += 1;
    }),
    { numRuns: 1500 },
  );
  assert.ok(accepted > 100, `only ${accepted} questions were accepted: the generator is off`);
});

test('an aggregate whose goal leaves a local without a value is refused by both', async () => {
  const text = 'aggregate_all(count, (node(X) ; vm(Y)), C)';
  const refused = { error: 'unbound_argument' };
  assert.deepEqual(
    reply(() => checkAsk(text, manifest).text),
    refused,
  );
  assert.deepEqual(await oracle.ask('check', text), refused, 'kb/proof/language.pl, check_aggregate/9');
});

test('every proof of the prover is accepted by both checkers', async () => {
  let proofs = 0;
  await fc.assert(
    fc.asyncProperty(questions, async (text) => {
      if ('error' in reply(() => checkAsk(text, manifest).text)) return;
      const asked = checkAsk(text, manifest);
      const there = await oracle.ask('answers', text, { now: NOW });
      if ('error' in there) return;
      const rows = term(there.ok);
      for (const row of rows.kind === 'list' ? rows.items : []) {
        const [answer, proof] = row.kind === 'list' ? row.items : [];
        assert.ok(answer?.kind === 'list' && proof !== undefined);
        const bindings = new Map(asked.variables.map((name, i) => [name, answer.items[i] as Term]));
        assert.ok(checkProof(proof, claim(asked, bindings)).standing, text);
        assert.deepEqual(
          await oracle.ask('proof', text, { now: NOW, values: writeTerm(answer), proof: writeTerm(proof) }),
          { ok: 'holds' },
          text,
        );
        proofs += 1;
        if (proofs % 4 === 0) break;
      }
    }),
    { numRuns: 600 },
  );
  assert.ok(proofs > 50, `only ${proofs} proofs were seen`);
});

test('a mutated proof is judged alike by both checkers, and never holds for another answer', async () => {
  const live = [
    'node_status(N,S)',
    'at_risk_of_throttling(N)',
    'quorum_margin(C,M)',
    'memory_free(N,M)',
    'node(N), \\+ vm_host(_V,N)',
    'assuming([node_up(pve1,false), \\+ vm_host(web,pve1)], node_status(N,S))',
    'forall(vm_host(V,N), node(N))',
    'top(1, T, node_temp(N,T))',
    'aggregate_all(set(V), vm_host(V,pve1), L)',
    'node_load(N,L), L > 0.5',
  ];
  for (const text of live) {
    const asked = checkAsk(text, manifest);
    const there = await oracle.ask('answers', text, { now: NOW });
    assert.ok('ok' in there, text);
    const rows = term(there.ok);
    const row = rows.kind === 'list' ? rows.items[0] : undefined;
    const [answer, proof] = row?.kind === 'list' ? row.items : [];
    assert.ok(answer?.kind === 'list' && proof !== undefined, text);
    const bindings = new Map(asked.variables.map((name, i) => [name, answer.items[i] as Term]));
    await fc.assert(
      fc.asyncProperty(mutations(proof), async (mutated) => {
        const here = reply(() => {
          checkProof(mutated, claim(asked, bindings));
          return 'holds';
        });
        const said = await oracle.ask('proof', text, {
          now: NOW,
          values: writeTerm(answer),
          proof: writeTerm(mutated),
        });
        // A head that is no value is refused here alone; all else is one verdict.
        assert.equal(
          'ok' in here,
          'ok' in said,
          `${text}: ${writeTerm(mutated)}: ${JSON.stringify([here, said])}`,
        );
      }),
      { numRuns: 120 },
    );
  }
});

/** `proof` with one subterm replaced by another of its subterms or by an arbitrary value, or one list item dropped, doubled or moved. */
function mutations(proof: Term): fc.Arbitrary<Term> {
  const parts: Term[] = [];
  const collect = (one: Term): void => {
    parts.push(one);
    for (const inner of one.kind === 'list' ? one.items : one.kind === 'compound' ? one.args : [])
      collect(inner);
  };
  collect(proof);
  const replacement = fc.oneof(
    fc.constantFrom(...parts),
    values,
    fc.integer({ min: -1, max: 30 }).map(int),
    fc.constant(term("'$any'(0)")),
  );
  const edit = fc.oneof(
    replacement.map((by) => () => by),
    fc.tuple(fc.constantFrom('drop', 'double', 'swap'), fc.nat(), fc.nat()).map(
      ([how, i, j]) =>
        (one: Term) =>
          edited(one, how, i, j),
    ),
  );
  return fc
    .tuple(fc.integer({ min: 1, max: parts.length - 1 }), edit)
    .map(([index, change]) => replaceAt(proof, index, change));
}

function edited(one: Term, how: string, i: number, j: number): Term {
  if (one.kind !== 'list' || one.items.length === 0) return one;
  const items = [...one.items];
  const [a, b] = [i % items.length, j % items.length];
  if (how === 'drop') items.splice(a, 1);
  else if (how === 'double') items.splice(b, 0, items[a] as Term);
  else [items[a], items[b]] = [items[b] as Term, items[a] as Term];
  return list(items);
}

function replaceAt(whole: Term, index: number, change: (one: Term) => Term): Term {
  let seen = -1;
  const walk = (one: Term): Term => {
    seen += 1;
    if (seen === index) return change(one);
    if (seen > index) return one;
    if (one.kind === 'list') return list(one.items.map(walk));
    return one.kind === 'compound' ? compound(one.name, one.args.map(walk)) : one;
  };
  return walk(whole);
}
