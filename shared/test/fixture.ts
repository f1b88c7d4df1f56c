/** A small manifest with one predicate of each kind, in the format of docs/protocol.md section 2, for tests of the checker. */
import { type Manifest, readManifest } from '../src/catalogue.ts';
import { LogicError } from '../src/errors.ts';
import { readTerm, type Term } from '../src/term.ts';

export const NOW = 1_732_400_000_000;
export const BUNDLE = 'ab'.repeat(32);

const argument = (name: string, type: string | string[], mode = '-') => ({ name, type, mode });
const entry = (name: string, kind: string, args: ReturnType<typeof argument>[]) => ({
  name,
  arity: args.length,
  kind,
  det: 'nondet',
  key: kind === 'state' ? [1] : [],
  module: 'fixture',
  doc: '',
  args,
});
const clause = (name: string, arity: number, n: number, text: readonly [string, string]) => ({
  id: `${name}/${arity}#${n}`,
  name,
  arity,
  n,
  at: 'core/fixture.pl:1',
  head: text[0],
  body: text[1],
});

export const MANIFEST_JSON = {
  format: 1,
  bundle: BUNDLE,
  catalogue: [
    entry('now', 'clock', [argument('time', 'time')]),
    entry('node', 'inventory', [argument('node', 'atom')]),
    entry('node_memory', 'inventory', [argument('node', 'atom'), argument('mib', 'integer')]),
    entry('node_up', 'state', [argument('node', 'atom'), argument('up', 'boolean')]),
    entry('node_load', 'state', [argument('node', 'atom'), argument('load', 'float')]),
    entry('vm_host', 'state', [argument('vm', 'atom'), argument('node', 'atom')]),
    entry('node_status', 'derived', [
      argument('node', 'atom'),
      argument('status', ['up', 'down', 'unknown']),
    ]),
    entry('busy', 'derived', [argument('node', 'atom')]),
    entry('guests', 'derived', [argument('node', 'atom'), argument('count', 'integer')]),
    entry('limit', 'derived', [argument('class', 'atom'), argument('load', 'float')]),
    entry('above', 'derived', [argument('node', 'atom'), argument('load', 'float', '+')]),
  ],
  clauses: [
    clause('node_status', 2, 1, ['node_status(A,up)', "','(node(A),node_up(A,true))"]),
    clause('node_status', 2, 2, ['node_status(A,down)', "','(node(A),node_up(A,false))"]),
    clause('node_status', 2, 3, ['node_status(A,unknown)', "','(node(A),\\+(node_up(A,B)))"]),
    clause('busy', 1, 1, ['busy(A)', "','(node_load(A,B),>(B,0.5))"]),
    clause('guests', 2, 1, ['guests(A,B)', "','(node(A),all(count,[],vm_host(C,A),B))"]),
    clause('limit', 2, 1, ['limit(rpi5,0.5)', 'true']),
    clause('above', 2, 1, ['above(A,B)', "','(node_load(A,C),>(C,B))"]),
  ],
};

export const manifest: Manifest = readManifest(MANIFEST_JSON);

export const REPLY_BOUNDS = { bytes: 1 << 24, depth: 1000, any: true } as const;

export const term = (text: string): Term => readTerm(text, REPLY_BOUNDS).term;

/** For `assert.throws`: an error of this code. */
export const withCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof LogicError && error.code === code;
