/**
 * The lower side: a question that a coordinator above passes on goes to the sites that it names, with its text and its nonce as they
 * came, and their replies go back as they came, a line each, as soon as they are there. Nothing is checked here that the upper one checks
 * by itself: a reply belongs to it and the site that signed it. What is checked is what this coordinator would do: how much, for how
 * long, and that it does not ask itself.
 */

import { sitePath } from '@fleet/shared/api/ask.ts';
import type { LeafLine } from '@fleet/shared/api/composition.ts';
import type { CreateWish } from '@fleet/shared/door/request.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { ANSWERS, FLEET_DEADLINE_MAX_MS, FLEET_DEADLINE_MS, ROSTER_SITES } from '@fleet/shared/limits.ts';
import { type FleetQuestion, questionBody } from '@fleet/shared/pengine.ts';
import { z } from 'zod';
import { fanout, type Reply } from '../query/fanout.ts';
import type { Fleet } from '../query/pipeline.ts';
import { targetsOf } from '../query/select.ts';
import type { Site } from '../sites/registry.ts';
import { type Path, readPath, refuseLoop } from './path.ts';

export interface RelayRequest {
  readonly wish: CreateWish;
  /** The template as it was received. */
  readonly template: string;
  /** Paths; all sites where left out. */
  readonly sites: readonly string[] | null;
  readonly nonce: string;
  readonly path: Path;
  readonly deadlineMs: number;
  readonly gone: AbortSignal;
}

export interface RelayHeaders {
  readonly nonce: string;
  readonly path: string | undefined;
  readonly deadline: string | undefined;
}

const sitesKey = z.array(sitePath).min(1).max(ROSTER_SITES).nullable();

/** What a relayed question says beside the question. @throws LogicError `bad_request`, `loop` */
export function readRelay(
  { nonce, path, deadline }: RelayHeaders,
  sites: unknown,
  self: string,
): Pick<RelayRequest, 'nonce' | 'path' | 'deadlineMs' | 'sites'> {
  if (!/^[0-9a-f]{32}$/.test(nonce))
    throw new LogicError('bad_request', 'a question that is passed on has a logic-nonce of 32 hex digits');
  const way = readPath(path);
  refuseLoop(way, self);
  const named = sitesKey.safeParse(sites ?? null);
  if (!named.success) throw new LogicError('bad_request', 'sites is a list of names');
  return { nonce, path: way, sites: named.data, deadlineMs: readDeadline(deadline) };
}

function readDeadline(header: string | undefined): number {
  if (header === undefined) return FLEET_DEADLINE_MS;
  const ms = /^\d{1,6}$/.test(header) ? Number(header) : 0;
  if (ms < 1) throw new LogicError('bad_request', 'logic-deadline-ms is a whole number of milliseconds');
  return Math.min(ms, FLEET_DEADLINE_MAX_MS);
}

/** Lines as the sites end. @throws LogicError before the first for a question that cannot be passed on, or too many at once */
export function relay(fleet: Fleet, request: RelayRequest): AsyncGenerator<string> {
  const question = questionOf(fleet, request);
  const { targets, unknown } = namedIn(fleet, request.sites);
  const leave = fleet.gate.enter();
  // A reply that is given up before its first line never starts.
  request.gone.addEventListener('abort', leave, { once: true });
  return lines(fleet, { request, question, targets, unknown, leave });
}

interface Relaying {
  readonly request: RelayRequest;
  readonly question: FleetQuestion;
  readonly targets: readonly Site[];
  readonly unknown: readonly string[];
  readonly leave: () => void;
}

async function* lines(
  fleet: Fleet,
  { request, question, targets, unknown, leave }: Relaying,
): AsyncGenerator<string> {
  const { nonce, path, deadlineMs, gone } = request;
  try {
    for (const name of unknown) yield written(notHere(name));
    const { asked, skipped } = targetsOf(targets);
    for (const { site, reason } of skipped) yield written(notAsked(site, reason));
    const replies = fanout(fleet, asked, question, { deadlineMs, cancel: gone, relay: { nonce, path } });
    yield* asTheyCome(replies.map(async (reply) => written(lineOf(await reply))));
  } finally {
    leave();
  }
}

/** The request that a site gets: the same text for ask and template. */
function questionOf(
  { manifest }: Fleet,
  { wish: { ask, destroy, chunk, format }, template }: RelayRequest,
): FleetQuestion {
  if (ask === null || !destroy || chunk !== ANSWERS || format !== 'prolog')
    throw new LogicError(
      'bad_request',
      'a question that is passed on wants all its answers at once, as Prolog text',
    );
  const body = JSON.stringify({ application: 'logic', ask, template, chunk, destroy, format });
  return { ask, template, body, plain: plainOf() };

  /** For stock servers; null where this coordinator's catalogue does not know the question. */
  function plainOf(): string | null {
    try {
      return questionBody(checkAsk(ask ?? '', manifest, { template }), false).plain ?? null;
    } catch (cause) {
      if (cause instanceof LogicError) return null;
      throw cause;
    }
  }
}

function namedIn(
  { registry }: Fleet,
  names: readonly string[] | null,
): { readonly targets: readonly Site[]; readonly unknown: readonly string[] } {
  const all = registry.list();
  if (names === null) return { targets: all, unknown: [] };
  const byName = new Map(all.map((site) => [site.name, site]));
  const wanted = [...new Set(names)];
  return {
    targets: wanted.flatMap((name) => byName.get(name) ?? []),
    unknown: wanted.filter((name) => !byName.has(name)),
  };
}

const NOTHING = { ms: 0, stamp: null, body: null } as const;

function notHere(site: string): LeafLine {
  return {
    ...NOTHING,
    site,
    outcome: 'refused',
    code: 'unknown_site',
    message: `there is no ${site} any more`,
  };
}

function notAsked({ name }: Site, message: string): LeafLine {
  return { ...NOTHING, site: name, outcome: 'skipped', code: null, message };
}

function lineOf(reply: Reply): LeafLine {
  const { site, ms } = reply;
  if (reply.kind === 'none') {
    const { outcome, error, reason } = reply;
    const message = error?.message ?? reason ?? null;
    return { site: site.name, outcome, code: error?.code ?? null, message, ms, stamp: null, body: null };
  }
  const stamp = Object.fromEntries(
    Object.entries(reply.headers).flatMap(([name, value]) =>
      name.startsWith('logic-') && typeof value === 'string' ? [[name, value]] : [],
    ),
  );
  const told = {
    outcome: null,
    code: null,
    message: null,
    ms,
    stamp: 'logic-signature' in stamp ? stamp : null,
  };
  return { site: site.name, ...told, body: reply.body.toString() };
}

function written(line: LeafLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** Results in the order in which they are there. */
async function* asTheyCome<T>(promises: readonly Promise<T>[]): AsyncGenerator<T> {
  const ready: T[] = [];
  let wake = () => {};
  for (const promise of promises)
    void promise.then((value) => {
      ready.push(value);
      wake();
    });
  for (let left = promises.length; left > 0; left--) {
    while (ready.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
    yield ready.shift() as T;
  }
}
