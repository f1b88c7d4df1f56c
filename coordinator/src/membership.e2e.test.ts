/** Sites coming and going as people see it: real programs in processes of their own, real Prolog, TLS and SQLite. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readInvitation, secretHash } from '@fleet/shared/invitation.ts';
import { CERTIFICATE_VALID_DAYS } from '@fleet/shared/limits.ts';
import Database from 'better-sqlite3';
import { coordinatorFiles } from './config.ts';
import { fingerprintOf, openAuthority } from './sites/authority.ts';
import { enrol } from './sites/enrol.ts';
import { openRegistry } from './sites/registry.ts';
import { type Ended, type Running, run, serve } from './testing/programs.ts';
import { realWorld } from './world.ts';

const SEED = 11;
const dir = await mkdtemp(join(tmpdir(), 'membership-'));
const data = join(dir, 'coordinator');
const files = coordinatorFiles(data);
const running: Running[] = [];
after(async () => {
  await Promise.all(running.map((one) => one.end('SIGKILL')));
  await rm(dir, { recursive: true, force: true });
});

async function started(program: 'logic-fleet' | 'logic-node', ...args: string[]): Promise<Running> {
  const one = await serve(program, ...args);
  running.push(one);
  return one;
}
const coordinatorArgs = (http: string, tls: string) => ['--data', data, '--listen', http, '--tls', tls];
let coordinator = await started('logic-fleet', ...coordinatorArgs('127.0.0.1:0', '127.0.0.1:0'));
const http = new URL(String(coordinator.ready.http)).host;
const tls = String(coordinator.ready.tls);
const url = ['--url', `http://${http}`];

const folder = (name: string) => join(dir, name);
async function done(program: 'logic-fleet' | 'logic-node', ...args: string[]): Promise<Ended> {
  const ended = await run(program, ...args);
  assert.equal(ended.code, 0, ended.err);
  return ended;
}
const invited = async (name: string) => (await done('logic-fleet', 'invite', name, ...url)).out;
const site = (name: string, at = name) =>
  started('logic-node', '--data', folder(at), '--listen', '127.0.0.1:0', '--collector', 'none');

/** The coordinator's own file, read as another process may. */
function registered(name: string) {
  const registry = openRegistry(files.registry);
  try {
    return registry.get(name);
  } finally {
    registry.close();
  }
}

async function until(holds: () => boolean, what: string, log: () => string = () => ''): Promise<void> {
  const limit = performance.now() + 90_000;
  while (!holds()) {
    assert.ok(performance.now() < limit, `${what}\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Answered {
  readonly complete: boolean;
  readonly coverage: {
    readonly sites: readonly { readonly site: string; readonly outcome: string; readonly message: string }[];
  };
}
async function asked(...args: string[]): Promise<Answered> {
  const { out } = await run('logic-fleet', 'ask', 'logic_node(N)', '--json', ...args, ...url);
  return JSON.parse(out.split('\n').at(-1) ?? '') as Answered;
}
const outcomeOf = (answer: Answered, name: string) => answer.coverage.sites.find((row) => row.site === name);
const certificateOf = async (name: string) =>
  new X509Certificate(await readFile(join(folder(name), 'tls', 'certificate.pem'), 'utf8'));

test('a site joins by an invitation, says where it is, and answers; the same invitation lets nobody else in', async () => {
  const invitation = await invited('garage');
  const joined = await done('logic-node', 'join', invitation, '--data', folder('garage'));
  assert.match(joined.err, /garage is a site of the fleet/);
  assert.equal(joined.out, '');
  const one = await site('garage');
  await until(
    () => registered('garage')?.address === new URL(String(one.ready.https)).host,
    'it told where it is',
    one.log,
  );
  assert.equal((await asked()).complete, true);
  const second = await run('logic-node', 'join', invitation, '--data', folder('thief'));
  assert.equal(second.code, 2);
  assert.match(second.err, /bad_invitation: .*used on .*another machine/);
  const again = await done('logic-node', 'join', await invited('garage'), '--data', folder('garage'));
  assert.match(again.err, /start it again, if it runs/);
  await one.end();
  const back = await site('garage');
  await until(
    () => registered('garage')?.address === new URL(String(back.ready.https)).host,
    'it is back',
    back.log,
  );
  assert.equal((await asked()).complete, true);
  await back.end();
});

test('a coordinator that is killed while sites join loses no invitation and gives no certificate twice', async () => {
  let random = SEED;
  for (let round = 0; round < 3; round += 1) {
    const name = `mill-${round}`;
    const invitation = await invited(name);
    const joining = run('logic-node', 'join', invitation, '--data', folder(name));
    // Killed at a moment of the seed's choosing after the invitation was used, or before, while the request is under way.
    random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
    const watching = new Database(files.registry, { readonly: true });
    const used = watching.prepare('select used_at from invitations where site = ?').pluck();
    const wait = round === 0 ? 0 : random % 400;
    if (round === 0) while (used.get(name) === null) await new Promise(setImmediate);
    else await new Promise((resolve) => setTimeout(resolve, 300 + wait));
    await coordinator.end('SIGKILL');
    watching.close();
    coordinator = await started('logic-fleet', ...coordinatorArgs(http, tls));
    let ended = await joining;
    if (ended.code !== 0) ended = await done('logic-node', 'join', invitation, '--data', folder(name));
    const shown = fingerprintOf((await certificateOf(name)).fingerprint256);
    const { fingerprint, incarnation } = registered(name) ?? {};
    assert.deepEqual([fingerprint, incarnation], [shown, 1], `seed ${SEED}, round ${round}`);
  }
});

test('a site whose certificate ended while it was off renews it when it starts, and answers', async () => {
  await done('logic-node', 'join', await invited('cabin'), '--data', folder('cabin'));
  // As if it had joined two years ago: the same key, a certificate that has ended, the registry of that time.
  const past = { ...realWorld, now: () => Date.now() - (CERTIFICATE_VALID_DAYS + 365) * 86_400_000 };
  const then = await openAuthority(files.authority, past);
  const registry = openRegistry(files.registry);
  const request = await readFile(join(folder('cabin'), 'tls', 'request.pem'), 'utf8');
  const old = await enrol({
    authority: then,
    registry,
    site: 'cabin',
    request,
    address: '127.0.0.1:0',
    world: past,
  });
  registry.close();
  await writeFile(join(folder('cabin'), 'tls', 'certificate.pem'), old.certificate);
  assert.ok((await certificateOf('cabin')).validToDate.getTime() < Date.now());
  const before = registered('cabin')?.incarnation ?? 0;
  const one = await site('cabin');
  await until(() => registered('cabin')?.incarnation === before + 1, 'it was renewed and seen', one.log);
  assert.ok((await certificateOf('cabin')).validToDate.getTime() > Date.now());
  await until(() => /reaches this site/.test(one.log()), 'it was reached', one.log);
  assert.equal(outcomeOf(await asked('--site', 'cabin'), 'cabin')?.outcome, 'answered');
  await one.end();
});

test('two processes on copies of one disk are found, the site is skipped by name, and a new invitation ends it', async () => {
  await done('logic-node', 'join', await invited('barn'), '--data', folder('barn'));
  const one = await site('barn');
  await until(() => /reaches this site/.test(one.log()), 'it was reached', one.log);
  assert.equal(outcomeOf(await asked('--site', 'barn'), 'barn')?.outcome, 'answered');
  await cp(folder('barn'), folder('copy'), { recursive: true, filter: (path) => !path.endsWith('.sock') });
  const copy = await site('barn', 'copy');
  await until(() => registered('barn')?.status === 'quarantined', 'it was found', copy.log);
  const row = outcomeOf(await asked('--site', 'barn'), 'barn');
  assert.equal(row?.outcome, 'skipped');
  assert.match(row?.message ?? '', /quarantined: two processes answer with its key/);
  assert.match((await done('logic-fleet', 'sites', ...url)).out, /quarantined: two processes/);
  await until(() => /cloned|quarantined/.test(copy.log()), 'the copy is told', copy.log);
  await Promise.all([one.end(), copy.end()]);
  await done('logic-node', 'join', await invited('barn'), '--data', folder('barn'));
  const back = await site('barn');
  await until(() => /reaches this site/.test(back.log()), 'it is back', back.log);
  assert.equal(outcomeOf(await asked('--site', 'barn'), 'barn')?.outcome, 'answered');
  const thief = await site('barn', 'copy');
  await until(() => /revoked|cloned/.test(thief.log()), 'the copy opens nothing', thief.log);
  assert.equal(registered('barn')?.status, 'active');
  await thief.end();
  await done('logic-fleet', 'revoke', 'barn', '--reason', 'sold', ...url);
  assert.equal((await run('logic-fleet', 'ask', 'node(N)', '--site', 'barn', ...url)).code, 2);
  assert.match((await done('logic-fleet', 'sites', ...url)).out, /revoked: sold/);
  await back.end();
});

test('open invitations are listed by name, without their secret, until they are used', async () => {
  const invitation = (
    await done('logic-fleet', 'invite', 'annex', '--label', 'zone=yard', '--expires', '2h', ...url)
  ).out;
  const { out } = await done('logic-fleet', 'invited', ...url);
  assert.match(out, /^annex +good until \d{4}-\d\d-\d\d \d\d:\d\d UTC {2}by \S+ {2}zone=yard$/m);
  const listed = JSON.parse((await done('logic-fleet', 'invited', '--json', ...url)).out) as {
    site: string;
  }[];
  assert.deepEqual(
    listed.map(({ site }) => site),
    ['annex'],
  );
  const { secret } = readInvitation(invitation);
  assert.ok(
    ![out, JSON.stringify(listed)].some((text) => text.includes(secret) || text.includes(secretHash(secret))),
  );
  await done('logic-node', 'join', invitation, '--data', folder('annex'));
  assert.match((await done('logic-fleet', 'invited', ...url)).out, /^No invitation is open/);
});

test('labels and names change at once, and what does not hold is refused with what to do', async () => {
  assert.match(
    (await done('logic-fleet', 'label', 'garage', 'zone=roof', 'rack=3', ...url)).out,
    /rack=3 zone=roof/,
  );
  assert.match(
    (await done('logic-fleet', 'rename', 'garage', 'carport', ...url)).out,
    /garage is carport now/,
  );
  const { out } = await done('logic-fleet', 'sites', ...url);
  assert.match(out, /carport .*rack=3 zone=roof\n +garage on its certificate/);
  const one = await site('garage');
  await until(() => /reaches this site/.test(one.log()), 'it was reached', one.log);
  assert.equal(outcomeOf(await asked('--site', 'carport'), 'carport')?.outcome, 'answered');
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['rename', 'nobody', 'x'], /unknown_site/],
    [['label', 'carport', 'zone'], /key=value to set/],
    [['revoke', 'nobody'], /unknown_site/],
    [['invite', 'garage'], /carport was garage before/],
    [['invite', 'Not A Name'], /DNS label/],
    [['invite', 'x', '--expires', 'soon'], /45s, 30m, 1h or 7d/],
  ];
  for (const [args, said] of cases) {
    const { code, err, out: printed } = await run('logic-fleet', ...args, ...url);
    assert.notEqual(code, 0, args.join(' '));
    assert.match(err, said);
    assert.equal(printed, '');
  }
  await one.end();
});
