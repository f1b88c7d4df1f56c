/** The command lines of `npm start` and `npm run site`, and the names of a local fleet's sites. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readSiteOptions, readStartOptions, UsageError } from './options.ts';
import { hostSiteName, localSites, sampleNames } from './sites.ts';

test('npm start has three sample sites, .data and port 8080 by default', () => {
  assert.deepEqual(readStartOptions([]), {
    sites: 3,
    data: resolve('.data'),
    port: 8080,
    ask: null,
    json: false,
  });
  const given = readStartOptions([
    '--sites',
    '1',
    '--data',
    '/tmp/x',
    '--port=0',
    '--ask',
    'node(N)',
    '--json',
  ]);
  assert.deepEqual(given, { sites: 1, data: '/tmp/x', port: 0, ask: 'node(N)', json: true });
});

test('a flag that is unknown or out of range is refused with the usage', () => {
  for (const args of [
    ['--site', '3'],
    ['--sites', '-1'],
    ['--sites', '1e9'],
    ['--port', '70000'],
    ['--port'],
    ['--json'],
    ['x'],
  ]) {
    assert.throws(() => readStartOptions(args), UsageError, args.join(' '));
  }
});

test('npm run site takes its own flags and hands the rest to the agent as they are', () => {
  const { data, port, rest } = readSiteOptions([
    '--metrics-addr',
    '127.0.0.1:9090',
    '--port=0',
    '--data',
    '/d',
    '--seed=4',
  ]);
  assert.deepEqual(
    { data, port, rest },
    { data: '/d', port: 0, rest: ['--metrics-addr', '127.0.0.1:9090', '--seed=4'] },
  );
  assert.throws(() => readSiteOptions(['--port']), UsageError);
});

test('any host name becomes a site name that no sample site has', () => {
  const cases = {
    'Nas.local': 'nas',
    garage: 'garage-host',
    '': 'host',
    '-_-': 'host',
    '42': 'host-42',
    'My Büro_PC': 'my-b-ro-pc',
  };
  for (const [machine, name] of Object.entries(cases))
    assert.equal(hostSiteName(machine, sampleNames(3)), name);
  assert.match(hostSiteName('x'.repeat(300), []), /^x{1,63}$/);
  assert.equal(hostSiteName('sample-4', sampleNames(4)), 'sample-4-host');
});

test('sample sites have the same names and seeds on every machine', () => {
  const sites = localSites(5, '/d').filter(({ kind }) => kind === 'sample');
  assert.deepEqual(
    sites.map(({ name }) => name),
    ['garage', 'shop', 'plant', 'sample-4', 'sample-5'],
  );
  assert.equal(new Set(sites.map(({ seed }) => seed)).size, 5);
  assert.equal(sites[0]?.seed, localSites(1, '/other')[1]?.seed);
});
