/**
 * The short way of an answer from a live view: `fleet.ask` with `live: true`, alone in its request, is answered with the bytes that the
 * last asker got, until the view changes. An answer of a thousand sites is a megabyte of JSON, and making it again for each asker costs
 * ten times what sending it does. Everything else goes on to tRPC: other questions, batches, what no view stands for, and whatever
 * is wrong with a question, so that an error has one shape.
 */
import { type FleetAskInput, type FleetResult, fleetAskInput } from '@fleet/shared/api/ask.ts';
import type { Caller } from '@fleet/shared/tokens.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { CallerOf } from './access.ts';
import type { LiveAnswers } from './query/live.ts';
import type { Fleet } from './query/pipeline.ts';
import { startRemembering } from './query/remember.ts';

export interface LiveParts {
  readonly fleet: Fleet;
  readonly live: LiveAnswers;
}

/** As a reply of tRPC has it. */
const HEADERS = { 'content-type': 'application/json', vary: 'trpc-accept, accept' };
const PATH = '/trpc/fleet.ask';

/** To be called before tRPC's routes are added, and after whoever may not ask is refused. */
export function addLiveReplies(app: FastifyInstance, parts: LiveParts, callerOf: CallerOf): void {
  const known = new WeakMap<FleetResult, Buffer>();
  const bytesOf = (result: FleetResult): Buffer => {
    const bytes = known.get(result) ?? Buffer.from(JSON.stringify({ result: { data: result } }));
    known.set(result, bytes);
    return bytes;
  };
  app.addHook('preHandler', async (request, reply) => {
    if (!request.url.startsWith(PATH)) return;
    const input = inputOf(request);
    const result = input?.live === true ? answered(input, callerOf(request.raw), parts) : null;
    if (result !== null) return reply.headers(HEADERS).send(bytesOf(result));
  });
}

/** From the view that stands for the question, and remembered; null where there is none. Throws as `LiveAnswers.answer`. */
export function answerLive(
  input: FleetAskInput,
  caller: Caller,
  { fleet, live }: LiveParts,
): FleetResult | null {
  const remembering = startRemembering(fleet, input, caller);
  const result = live.answer(input);
  return result === null ? null : remembering(result);
}

/** The same, where tRPC says what is wrong. */
function answered(input: FleetAskInput, caller: Caller, parts: LiveParts): FleetResult | null {
  try {
    return answerLive(input, caller, parts);
  } catch {
    return null;
  }
}

/** What a request for this one answer asks; null where it is another request, or tRPC is to say what is wrong with it. */
function inputOf({ url, method, body, query, headers }: FastifyRequest): FleetAskInput | null {
  if (url !== PATH && !url.startsWith(`${PATH}?`)) return null;
  const { input, ...others } = query as Readonly<Record<string, unknown>>;
  const text = method === 'POST' ? body : method === 'GET' ? input : undefined;
  // `batch` and `lastEventId` stand in the query, and what asks for a stream in these headers.
  const plain = Object.keys(others).length === 0 && headers['trpc-accept'] === undefined;
  if (typeof text !== 'string' || !plain || headers.accept?.includes('jsonl')) return null;
  const type = headers['content-type'] ?? (method === 'GET' ? 'application/json' : '');
  if (!type.startsWith('application/json')) return null;
  return fleetAskInput.safeParse(parseJson(text)).data ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
