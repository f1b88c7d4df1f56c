/** For tests of the history: answers as the fleet gives them, made up, and the keys of a coordinator. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Answer, FleetResult, Outcome } from '@fleet/shared/api/ask.ts';
import { coverageOf } from '@fleet/shared/coverage.ts';
import type { Answered } from '../views/history/content.ts';

export interface Said {
  readonly outcome?: Outcome;
  /** Load by node. */
  readonly loads?: Readonly<Record<string, number>>;
}

export const QUERY = 'node_load(N, L)';

/** What a fleet of these sites answers to QUERY. */
export function resultOf(sites: Readonly<Record<string, Said>>, query = QUERY): FleetResult {
  const names = Object.keys(sites).sort();
  const answers = names.flatMap((site) =>
    Object.entries(sites[site]?.loads ?? {}).map(
      ([N, L]): Answer => ({
        site,
        bindings: { N, L },
        standing: 'verified',
        proof: `[step(1,${site}-${N})]`,
      }),
    ),
  );
  const rows = names.map((site) => {
    const count = Object.keys(sites[site]?.loads ?? {}).length;
    const outcome = sites[site]?.outcome ?? (count > 0 ? 'answered' : 'empty');
    const silent = outcome !== 'answered' && outcome !== 'empty';
    return {
      site,
      outcome,
      code: outcome === 'timeout' ? ('deadline' as const) : null,
      message: null,
      ms: 12,
      revision: silent ? null : 7,
      bundle: silent ? null : 'b'.repeat(64),
      answers: count,
    };
  });
  const coverage = coverageOf(rows);
  const unknownSites = rows.filter(({ revision }) => revision === null).map(({ site }) => site);
  const bound = unknownSites.length > 0 ? 'at_least' : 'exact';
  return {
    query,
    kind: 'rows',
    variables: ['N', 'L'],
    answers,
    coverage,
    complete: coverage.complete,
    found: { value: answers.length, bound, unknownSites },
    standing: answers.length > 0 ? 'verified' : null,
    groups: [],
    join: null,
    bundles: [],
    stale: [],
    lastKnown: [],
  };
}

export function answered(sites: Readonly<Record<string, Said>>, given: Partial<Answered> = {}): Answered {
  const query = given.asked?.query ?? QUERY;
  return {
    result: resultOf(sites, query),
    asked: { query },
    askedBy: 'loopback',
    at: 1_000,
    ms: 5,
    ...given,
  };
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const KEYS = { privateKey, publicKey };
export const KEY_PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

/** A folder that is gone when the test has ended. */
export async function folderOf(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
