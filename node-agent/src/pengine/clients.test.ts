/** Stock Pengine clients, unmodified, against an agent's loopback port: SWI-Prolog's own and npm's `pengines`. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { observe } from '../telemetry/pipeline.ts';
import { endOfFile } from '../testing/folder.ts';
import { seen, startSite } from '../testing/site.ts';
import { runSwipl } from '../testing/swipl.ts';

interface PengineEvent {
  readonly data: readonly Readonly<Record<string, unknown>>[] | string;
  readonly code?: string;
  readonly more?: boolean;
  readonly pengine: {
    next(count?: number): void;
    stop(): void;
    destroy(): void;
    ask(query: string, options: object): void;
  };
}
interface PengineOptions {
  readonly server: string;
  readonly ask?: string;
  readonly application?: string;
  readonly chunk?: number;
  readonly destroy?: boolean;
  readonly template?: string;
  readonly [callback: `on${string}`]: (this: PengineEvent, event: PengineEvent) => unknown;
}
type PengineConstructor = new (options: PengineOptions) => unknown;
const Pengine: PengineConstructor = createRequire(import.meta.url)('pengines');

const ending = endOfFile(after);
let url = '';
before(async () => {
  // One site for this file: starting it is the expensive part.
  const site = await startSite(ending);
  url = site.url;
  await observe(
    seen(
      ['node_up', 'pve1', true],
      ['node_up', 'pve2', false],
      ['node_load', 'pve1', 0.5],
      ['node_load', 'pve2', 0.75],
    ),
    site.telemetry,
  );
  await site.telemetry.sync.settled();
});

/** All rows that npm's client gets, asking for more until there are none. */
function npmRows(options: Omit<PengineOptions, 'server'>): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const rows: unknown[] = [];
    new Pengine({
      ...options,
      server: `${url}/pengine`,
      onsuccess() {
        if (typeof this.data !== 'string') rows.push(...this.data);
        if (this.more) this.pengine.next();
        else resolve(rows);
      },
      onfailure: () => resolve(rows),
      onerror() {
        reject(new Error(`${this.code}: ${String(this.data)}`));
      },
    });
  });
}

test('npm pengines walks the answers one at a time by the names of the variables', async () => {
  assert.deepEqual(await npmRows({ ask: 'node_load(Node, Load), Load > 0.4' }), [
    { Node: 'pve1', Load: 0.5 },
    { Node: 'pve2', Load: 0.75 },
  ]);
});

test('npm pengines gets chunks, templates and the application by name', async () => {
  assert.deepEqual(await npmRows({ ask: 'node(Node)', chunk: 100, application: 'logic' }), [
    { Node: 'pve1' },
    { Node: 'pve2' },
    { Node: 'pve3' },
    { Node: 'pve4' },
    { Node: 'sentry' },
  ]);
  assert.deepEqual(await npmRows({ ask: 'node_load(Node, _)', template: '[Node]', chunk: 10 }), [
    ['pve1'],
    ['pve2'],
  ]);
});

test('npm pengines is told of no answers, and of errors by their code', async () => {
  assert.deepEqual(await npmRows({ ask: 'node_load(Node, Load), Load > 9.0' }), []);
  await assert.rejects(npmRows({ ask: 'shell(ls)' }), /^Error: unknown_predicate: shell\/1/);
  await assert.rejects(npmRows({ ask: 'node(' }), /^Error: syntax_error/);
  await assert.rejects(npmRows({ ask: 'node(N), \\+ node_up(N, U), U == true' }), /^Error: free_variable/);
});

test('npm pengines can ask, stop and ask again in one pengine', async () => {
  const seenRows = await new Promise((resolve, reject) => {
    const rows: unknown[] = [];
    new Pengine({
      server: `${url}/pengine`,
      destroy: false,
      oncreate() {
        this.pengine.ask('node(Node)', { chunk: 2 });
      },
      onsuccess() {
        rows.push(this.data);
        if (rows.length === 1) this.pengine.stop();
        else this.pengine.destroy();
      },
      onstop() {
        this.pengine.ask('node_up(Node, false)', {});
      },
      ondestroy: () => resolve(rows),
      onerror() {
        reject(new Error(String(this.data)));
      },
    });
  });
  assert.deepEqual(seenRows, [[{ Node: 'pve1' }, { Node: 'pve2' }], [{ Node: 'pve2' }]]);
});

test('pengine_rpc/3 from a separate swipl gets answers, lazily and in chunks', async () => {
  const rpc = (query: string, options: string) =>
    runSwipl(`forall(pengine_rpc('${url}', ${query}, ${options}), (print(${query}), nl))`);
  assert.equal(
    await rpc('node_load(_N,_L)', '[application(logic)]'),
    'node_load(pve1,0.5)\nnode_load(pve2,0.75)',
  );
  assert.equal(await rpc('(node_up(_N,U),U==false)', '[chunk(10)]'), 'node_up(pve2,false),false==false');
  assert.equal(await rpc('node_up(pve1,true)', '[]'), 'node_up(pve1,true)');
  assert.equal(await rpc('node_up(pve1,false)', '[]'), '');
  assert.equal(await runSwipl(`once(pengine_rpc('${url}', node(N), [])), print(N)`), 'pve1');
});

test('pengine_rpc/3 gets proofs as ordinary answers', async () => {
  const printed = await runSwipl(
    `pengine_rpc('${url}', prove(node_status(pve2,S),P), []), print(S), nl, last(P, Last), print(Last)`,
  );
  assert.match(printed, /^down\nstep\(\d+,query\(\[\d+\]\)\)$/);
});

test('pengine_rpc/3 meets errors as terms, at once', async () => {
  const caught = (query: string) =>
    runSwipl(`catch(pengine_rpc('${url}', ${query}, []), error(logic(Code,_),_), (print(Code))), !`);
  const at = performance.now();
  assert.equal(await caught('shell(ls)'), 'unknown_predicate');
  assert.equal(await caught('(node(N), M is N+1)'), 'type_error');
  assert.equal(await caught('(node(N), 1 < 2.5, X < 3)'), 'unbound_argument');
  assert.ok(performance.now() - at < 15_000, 'no client waited for a destroy that never came');
});
