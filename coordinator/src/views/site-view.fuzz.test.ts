/** The pure core of live views against a model: whatever happens in whatever order, a reader has what the sites told last. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer, SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { WatchEvent } from '@fleet/shared/api/watch.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import { follow, holds, type LiveView, rowKey } from '@fleet/shared/live.ts';
import fc from 'fast-check';
import type { Verdict } from '../query/verify.ts';
import { newSite, type SiteView, take } from './site-view.ts';

const SITES = ['alder', 'birch', 'cedar'];

const outcomeOf = (
  site: string,
  outcome: SiteOutcome['outcome'],
  revision: number | null = null,
): SiteOutcome => ({
  ...{ site, outcome, code: null, message: null, ms: 0, revision, bundle: null, answers: 0 },
});

function verdictOf(site: string, revision: number, values: readonly number[], proof: string): Verdict {
  const answers = [...new Set(values)]
    .sort((a, b) => a - b)
    .map((N): Answer => ({ site, bindings: { N }, standing: 'verified', proof }));
  return { outcome: outcomeOf(site, answers.length === 0 ? 'empty' : 'answered', revision), answers };
}

/** What a site is in at each moment, and how it reaches the coordinator. */
type Happening =
  | { readonly kind: 'moves'; readonly site: string; readonly values: readonly number[] }
  | { readonly kind: 'tells'; readonly site: string }
  | { readonly kind: 'repeats old'; readonly site: string; readonly back: number }
  | {
      readonly kind: 'is lost';
      readonly site: string;
      readonly outcome: 'unreachable' | 'rejected' | 'error';
    }
  | { readonly kind: 'reader begins anew' }
  | { readonly kind: 'leaves'; readonly site: string };

const site = fc.constantFrom(...SITES);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('moves' as const),
      site,
      values: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('tells' as const), site }) },
  fc.record({ kind: fc.constant('repeats old' as const), site, back: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    kind: fc.constant('is lost' as const),
    site,
    outcome: fc.constantFrom('unreachable' as const, 'rejected' as const, 'error' as const),
  }),
  fc.record({ kind: fc.constant('reader begins anew' as const) }),
  fc.record({ kind: fc.constant('leaves' as const), site }),
);

/** A coordinator's view with two readers, one of whom may begin anew, and the sites with all that they ever told. */
class World {
  readonly view = new Map<string, SiteView>();
  steady: LiveView;
  restless: LiveView;
  readonly states = new Map(SITES.map((name) => [name, [verdictOf(name, 0, [], 'p0')]]));
  readonly accepted = new Map<string, Verdict>();
  #now = 0;

  constructor() {
    this.steady = follow(new Map(), this.#state());
    this.restless = this.steady;
  }

  #state(): WatchEvent {
    const sites = [...this.view.values()];
    const coverage = coverageOf(sites.map(({ verdict }) => verdict.outcome));
    return {
      ...{ kind: 'state', query: 'q', variables: ['N'], coverage, complete: coverage.complete },
      answers: sites.flatMap(({ verdict, rows }) => (holds(verdict.outcome) ? rows : [])),
      lastKnown: sites.flatMap(({ verdict, rows, rowsAt }) =>
        holds(verdict.outcome) || rowsAt === null
          ? []
          : [{ site: verdict.outcome.site, at: rowsAt, answers: rows }],
      ),
    };
  }

  happen(one: Happening): void {
    this.#now += 1;
    switch (one.kind) {
      case 'moves': {
        const told = this.states.get(one.site) ?? [];
        told.push(verdictOf(one.site, told.length, one.values, `p${told.length}`));
        return;
      }
      case 'tells':
        return void this.#tell(this.states.get(one.site)?.at(-1) as Verdict);
      case 'repeats old': {
        const told = this.states.get(one.site) ?? [];
        return void this.#tell(told[Math.max(0, told.length - 1 - one.back)] as Verdict);
      }
      case 'is lost':
        return void this.#tell({ outcome: outcomeOf(one.site, one.outcome), answers: [] });
      case 'reader begins anew':
        this.restless = follow(new Map(), this.#state());
        return;
      case 'leaves':
        this.accepted.delete(one.site);
        if (this.view.delete(one.site)) this.#send({ kind: 'gone', site: one.site, at: this.#now });
    }
  }

  #tell(verdict: Verdict): void {
    const { site: name, revision } = verdict.outcome;
    if (!this.view.has(name)) {
      this.view.set(name, newSite(outcomeOf(name, 'timeout'), this.#now));
      const change = {
        kind: 'change',
        site: name,
        outcome: outcomeOf(name, 'timeout'),
        added: [],
        removed: [],
      } as const;
      this.#send({ ...change, revision: null, at: this.#now });
    }
    const before = this.accepted.get(name);
    if (revision !== null && revision >= (before?.outcome.revision ?? -1)) this.accepted.set(name, verdict);
    const { site: after, change } = take(this.view.get(name) as SiteView, verdict, this.#now);
    this.view.set(name, after);
    if (change !== null) this.#send(change);
  }

  #send(event: WatchEvent): void {
    if (event.kind === 'change') {
      assert.equal(new Set(event.added.map(rowKey)).size, event.added.length, 'no row twice');
      const had = new Set(this.steady.get(event.site)?.rows.map(rowKey));
      assert.ok(
        event.added.every((row) => !had.has(rowKey(row))),
        'what is added was not there',
      );
      assert.ok(
        event.removed.every((row) => had.has(rowKey(row))),
        'what is removed was there',
      );
    }
    this.steady = follow(this.steady, event);
    this.restless = follow(this.restless, event);
  }
}

function shown(view: LiveView): unknown {
  return Object.fromEntries(
    [...view]
      .sort()
      .map(([name, { outcome, rows }]) => [
        name,
        [holds(outcome) ? 'holds' : outcome.outcome, rows.map(rowKey).sort()],
      ]),
  );
}

const model = (world: World) =>
  Object.fromEntries(
    [...world.view]
      .sort()
      .map(([name, { verdict }]) => [
        name,
        [
          holds(verdict.outcome) ? 'holds' : verdict.outcome.outcome,
          (world.accepted.get(name)?.answers ?? []).map(rowKey).sort(),
        ],
      ]),
  );

test('after any happenings both readers have what the sites told last, with losses, old replays, departures and new beginnings', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const world = new World();
      for (const one of happenings) {
        world.happen(one);
        assert.deepEqual(shown(world.steady), model(world));
        assert.deepEqual(shown(world.restless), model(world));
      }
      for (const name of SITES) world.happen({ kind: 'tells', site: name });
      for (const name of SITES) {
        const { outcome, rows } = world.steady.get(name) ?? {};
        const last = world.states.get(name)?.at(-1);
        assert.ok(outcome && holds(outcome));
        assert.deepEqual(rows?.map(rowKey).sort(), last?.answers.map(rowKey).sort());
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a revision below an accepted one is rejected and its rows are not taken; the rows that were there are last known', () => {
  const first = take(newSite(outcomeOf('alder', 'timeout'), 0), verdictOf('alder', 7, [1], 'p'), 1);
  const old = take(first.site, verdictOf('alder', 6, [2], 'p'), 2);
  assert.deepEqual(
    [old.change?.outcome.outcome, old.change?.outcome.code, old.change?.added, old.change?.removed],
    ['rejected', 'stale_revision', [], []],
  );
  assert.deepEqual(
    old.site.rows.map(({ bindings }) => bindings),
    [{ N: 1 }],
  );
  assert.equal(take(old.site, verdictOf('alder', 7, [1], 'p'), 3).change?.outcome.outcome, 'answered');
});

test('a change of proofs or of the revision alone is told to nobody', () => {
  const { site: before } = take(
    newSite(outcomeOf('alder', 'timeout'), 0),
    verdictOf('alder', 1, [1, 2], 'p'),
    1,
  );
  const { site: after, change } = take(before, verdictOf('alder', 9, [1, 2], 'other'), 2);
  assert.equal(change, null);
  assert.deepEqual([after.revision, after.rows[0]?.proof], [9, 'other']);
});
