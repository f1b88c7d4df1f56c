/** The core of alerts over the fleet: whatever is seen and lost in whatever order, an alert is raised once, cleared once, and never cleared unseen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetActiveAlert } from '@fleet/shared/api/fleet-alerts.ts';
import fc from 'fast-check';
import { type ActiveAlerts, apply, changesAt, changesWithout, placeOf } from './state.ts';

const QUERY = { name: 'node_down', severity: 'critical' } as const;
const site = fc.constantFrom('alder', 'birch', 'cedar');
const look = fc.record({
  site,
  /** Null: it cannot be seen; 'gone': it is no target. */
  rows: fc.oneof(
    { weight: 5, arbitrary: fc.uniqueArray(fc.integer({ min: 0, max: 3 })) },
    { weight: 2, arbitrary: fc.constant(null) },
    fc.constant('gone' as const),
  ),
});

test('after any looks, what is active is what each site said last, and unknown where it cannot be seen', () => {
  fc.assert(
    fc.property(fc.array(look, { maxLength: 40 }), (looks) => {
      let active: ActiveAlerts = new Map();
      const said = new Map<string, { rows: readonly number[]; seen: boolean }>();
      const open = new Map<string, boolean>();
      for (const [now, { site: name, rows }] of looks.entries()) {
        const changes =
          rows === 'gone'
            ? changesWithout(active, QUERY.name, name)
            : changesAt(active, QUERY, { site: name, rows: rows?.map((N) => ({ N })) ?? null, now });
        for (const { change, alert } of changes) {
          const place = placeOf(alert);
          if (change === 'raise') assert.ok(!open.has(place), 'raised once');
          if (change === 'clear')
            assert.ok(open.delete(place) && rows !== null, 'cleared once, and only when seen');
          else open.set(place, change === 'lose');
          if (change === 'lose') assert.equal(rows, null);
        }
        active = apply(active, changes);
        if (rows === 'gone') said.delete(name);
        else said.set(name, { rows: rows ?? said.get(name)?.rows ?? [], seen: rows !== null });
        const expected = [...said].flatMap(([where, { rows: last, seen }]) =>
          last.map((N) => [placeOf({ alert: QUERY.name, site: where, bindings: { N } }), !seen] as const),
        );
        const is = [...active].map(([place, { unknown }]) => [place, unknown] as const);
        assert.deepEqual(is.sort(), expected.sort());
        assert.deepEqual([...open].sort(), expected.sort(), 'receivers have the same');
        assert.deepEqual(repeat(active, name, rows, now), [], 'the same look again changes nothing');
      }
    }),
    { numRuns: 1_000 },
  );
});

function repeat(
  active: ActiveAlerts,
  name: string,
  rows: readonly number[] | null | 'gone',
  now: number,
): unknown[] {
  if (rows === 'gone') return changesWithout(active, QUERY.name, name);
  return changesAt(active, QUERY, { site: name, rows: rows?.map((N) => ({ N })) ?? null, now });
}

test('another severity raises again, with what was before', () => {
  const before: FleetActiveAlert = {
    ...{
      alert: 'node_down',
      site: 'alder',
      bindings: { N: 'pve1' },
      severity: 'warning',
      since: 5,
      unknown: true,
    },
  };
  const active = new Map([[placeOf(before), before]]);
  const [change, ...rest] = changesAt(active, QUERY, { site: 'alder', rows: [{ N: 'pve1' }], now: 9 });
  assert.deepEqual(rest, []);
  assert.deepEqual(change, {
    change: 'raise',
    alert: { ...before, severity: 'critical', since: 9, unknown: false },
    before,
  });
});
