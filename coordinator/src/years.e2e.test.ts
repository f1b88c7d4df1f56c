/** A machine that was off for years, and the fleet that went on without it: real programs, the past made by the coordinator's own code. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AUTHORITY_RENEW_DAYS, AUTHORITY_VALID_DAYS, CERTIFICATE_VALID_DAYS } from '@fleet/shared/limits.ts';
import { coordinatorFiles } from './config.ts';
import { openAuthority } from './sites/authority.ts';
import { enrol } from './sites/enrol.ts';
import { openRegistry } from './sites/registry.ts';
import { type Running, run, serve } from './testing/programs.ts';
import { realWorld } from './world.ts';

const DAY_MS = 86_400_000;
const dir = await mkdtemp(join(tmpdir(), 'years-'));
const running: Running[] = [];
after(async () => {
  await Promise.all(running.map((one) => one.end('SIGKILL')));
  await rm(dir, { recursive: true, force: true });
});

async function started(...args: Parameters<typeof serve>): Promise<Running> {
  const one = await serve(...args);
  running.push(one);
  return one;
}

async function done(...args: Parameters<typeof run>): Promise<string> {
  const { code, out, err } = await run(...args);
  assert.equal(code, 0, err);
  return out;
}

test("a site that was off until its fleet's authority had ended and renewed itself comes back by the pin, alone, and answers", async () => {
  const data = join(dir, 'coordinator');
  const files = coordinatorFiles(data);
  const site = join(dir, 'cabin');
  const tls = join(site, 'tls');
  // Everything was made so long ago that the authority's first certificate has ended, and the site's and the coordinator's long before.
  let daysAgo = AUTHORITY_VALID_DAYS + 10;
  const world = { ...realWorld, now: () => Date.now() - daysAgo * DAY_MS };
  const authority = await openAuthority(files.authority, world);
  const first = authority.certificate;
  // The fleet went on: the authority renewed itself in time.
  daysAgo = AUTHORITY_RENEW_DAYS;
  await authority.renew();
  assert.notEqual(authority.certificate, first);
  const serving = ['--data', data, '--listen', '127.0.0.1:0', '--tls', '127.0.0.1:0'];
  const coordinator = await started('logic-fleet', ...serving);
  const url = ['--url', String(coordinator.ready.http)];
  const invitation = await done('logic-fleet', 'invite', 'cabin', ...url);
  await done('logic-node', 'join', invitation, '--data', site);
  // What the site's disk holds is of that time: a certificate that has ended, and the authority's first.
  daysAgo = AUTHORITY_VALID_DAYS + 10;
  const past = join(dir, 'past');
  await cp(files.authority, past, { recursive: true });
  await writeFile(join(past, 'authority.pem'), first);
  const then = await openAuthority(past, world);
  const registry = openRegistry(files.registry);
  const request = await readFile(join(tls, 'request.pem'), 'utf8');
  const old = await enrol({
    authority: then,
    registry,
    site: 'cabin',
    request,
    address: '127.0.0.1:0',
    world,
  });
  await writeFile(join(tls, 'certificate.pem'), old.certificate);
  await writeFile(join(tls, 'authority.pem'), first);
  const ended = (pem: string) => new X509Certificate(pem).validToDate.getTime() < Date.now();
  assert.deepEqual([ended(old.certificate), ended(first), ended(authority.certificate)], [true, true, false]);
  const before = registry.get('cabin')?.incarnation ?? 0;
  const one = await started('logic-node', '--data', site, '--listen', '127.0.0.1:0', '--collector', 'none');
  const limit = performance.now() + 90_000;
  while (registry.get('cabin')?.incarnation !== before + 1 || !/reaches this site/.test(one.log())) {
    assert.ok(performance.now() < limit, one.log());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  registry.close();
  assert.equal(await readFile(join(tls, 'authority.pem'), 'utf8'), authority.certificate);
  const renewed = new X509Certificate(await readFile(join(tls, 'certificate.pem'), 'utf8'));
  assert.equal(Math.round((renewed.validToDate.getTime() - Date.now()) / DAY_MS), CERTIFICATE_VALID_DAYS);
  const said = await done('logic-fleet', 'ask', 'logic_node(N)', '--json', ...url);
  assert.equal((JSON.parse(said.split('\n').at(-1) ?? '') as { complete: boolean }).complete, true);
});
