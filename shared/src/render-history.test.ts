import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HistoryDiff, HistoryListing } from './api/history.ts';
import { renderDiff, renderHistory, renderHistoryCheck } from './render-history.ts';

const AT = Date.UTC(2026, 10, 26, 3, 4, 5);
const row: HistoryListing = {
  id: 12,
  kind: 'run',
  of: null,
  times: 1,
  at: AT,
  ms: 40,
  askedBy: 'loopback',
  query: 'node_load(Node, Load), Load > 0.5, node_status(Node, up), at_risk_of_throttling(Node)',
  complete: false,
  targets: 1000,
  answers: 31,
  outcomes: { answered: 900, empty: 93, timeout: 7 },
  hash: '0'.repeat(64),
};

test('the list of answers fits 80 columns, and says of each how many of its sites are known', () => {
  const again = {
    ...row,
    id: 13,
    kind: 'again' as const,
    of: 12,
    times: 40,
    askedBy: 'token:dashboard',
    outcomes: { answered: 1000 },
  };
  const text = renderHistory({ rows: [again, row], more: true });
  const lines = text.split('\n');
  assert.ok(
    lines.every((line) => line.length <= 80),
    text,
  );
  assert.match(lines[1] ?? '', /^13 +2026-11-26 03:04:05 +token:dashboard +1000 +as 12 +\(40 times\) node/);
  assert.match(lines[2] ?? '', /^12 +2026-11-26 03:04:05 +loopback +993\/1000 +31 +node_load\(.*…$/);
  assert.equal(lines[3], '... older ones: --before 12');
  assert.equal(renderHistory({ rows: [], more: false }), 'No answer is kept that matches.');
});

test('a comparison shows answers that came, went and changed by site, and names what is not known', () => {
  const answer = (N: string, L: number) => ({
    site: 'alder',
    bindings: { N, L },
    standing: 'verified' as const,
  });
  const run = { id: 1, at: AT, askedBy: 'loopback', query: 'node_load(N, L)', complete: true };
  const diff: HistoryDiff = {
    a: run,
    b: { ...run, id: 2, complete: false },
    sites: {
      added: ['cedar'],
      removed: [],
      changed: [
        {
          site: 'birch',
          from: { outcome: 'answered', code: null },
          to: { outcome: 'timeout', code: 'deadline' },
        },
      ],
    },
    answers: {
      added: [answer('nas', 1)],
      removed: [answer('pve3', 0.5)],
      changed: [{ from: answer('pve1', 1), to: answer('pve1', 2) }],
      same: 4,
    },
    groups: [{ group: null, from: { value: 12, bound: 'exact' }, to: { value: 11, bound: 'at_least' } }],
    joined: null,
    unknown: ['birch'],
  };
  assert.equal(
    renderDiff(diff),
    `node_load(N, L)
  from row 1, 2026-11-26 03:04:05, complete
  to row 2, 2026-11-26 03:04:05, partial

Over the fleet:
  all: 12 -> at least 11

alder
  + N = nas, L = 1  [verified]
  - N = pve3, L = 0.5  [verified]
  ~ N = pve1, L = 1  [verified] -> L = 2

Answers: 1 added, 1 removed, 1 changed, 4 the same
Sites:
  cedar was not asked before
  birch  answered  ->  timeout (deadline)
  birch answered in one run only: what changed there is not known`,
  );
});

test('a check that fails says so in words that cannot be read over', () => {
  const check = {
    ok: false,
    rows: 3,
    first: 1,
    last: 3,
    hash: 'a'.repeat(64),
    faults: [{ fault: 'edited' as const, id: 2, what: 'its content is not what was hashed' }],
  };
  assert.equal(
    renderHistoryCheck(check),
    'The history does NOT hold (3 rows, 1 to 3):\n  edited at row 2: its content is not what was hashed',
  );
  assert.match(
    renderHistoryCheck({ ...check, ok: true, faults: [] }),
    /^The history holds: 3 rows, 1 to 3\./,
  );
});
