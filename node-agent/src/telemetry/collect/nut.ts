/**
 * One upsd of Network UPS Tools, asked over TCP for all its UPSs. A UPS whose driver is away or whose data is stale
 * gives no facts, so it becomes unknown by expiry while the others go on.
 *
 *     ups_on_battery   ups.status has OB (true) or OL (false); with neither, none
 *     ups_charge       battery.charge, in percent
 *     ups_runtime      battery.runtime, in seconds
 *
 * Reading needs no login. The protocol is plain text: upsd belongs on this machine or on a management network.
 */
import { connect, type Socket } from 'node:net';
import { LogicError } from '@fleet/shared/errors.ts';
import { UPS_REPLY_BYTES } from '@fleet/shared/limits.ts';
import type { Term } from '@fleet/shared/term.ts';
import { type Collector, fact, seenBy } from '../observation.ts';
import { ListReader, type Rows, writeWords } from './nut-protocol.ts';

export interface NutSource {
  readonly source: string;
  readonly host: string;
  readonly port: number;
  readonly everyMs: number;
  /** Names in the inventory by upsd's name; null: every UPS, by its own name. */
  readonly upses: ReadonlyMap<string, string> | null;
}

export function nutCollector(settings: NutSource): Collector {
  const { source, everyMs } = settings;
  return {
    source,
    async collect(now, { signal, missed }) {
      const facts = await withServer(settings, signal, async (list) => {
        const seen: Term[] = [];
        for (const [theirs, ours] of settings.upses ?? (await everyUps(list))) {
          const rows = await list(['VAR', theirs]);
          if (rows instanceof LogicError) missed(rows);
          else seen.push(...upsFacts(ours, new Map(rows.map(([name = '', value = '']) => [name, value]))));
        }
        return seen;
      });
      return seenBy(source, facts, { now, everyMs });
    },
  };
}

/** A list, or why upsd refuses it. */
type List = (asked: readonly string[]) => Promise<Rows | LogicError>;

async function everyUps(list: List): Promise<ReadonlyMap<string, string>> {
  const rows = await list(['UPS']);
  if (rows instanceof LogicError) throw rows;
  const names = rows.map(([name = '']) => name).filter((name) => UPS_NAME.test(name));
  return new Map(names.map((name) => [name, name]));
}

/** A section of ups.conf. */
export const UPS_NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** What the variables of one UPS say. */
export function upsFacts(ups: string, variables: ReadonlyMap<string, string>): Term[] {
  const facts: Term[] = [];
  const status = (variables.get('ups.status') ?? '').split(/\s+/);
  if (status.includes('OB')) facts.push(fact('ups_on_battery', ups, true));
  else if (status.includes('OL')) facts.push(fact('ups_on_battery', ups, false));
  const charge = readNumber(variables.get('battery.charge'));
  if (charge !== null && charge <= 100) facts.push(fact('ups_charge', ups, charge));
  const runtime = readNumber(variables.get('battery.runtime'));
  if (runtime !== null) facts.push(fact('ups_runtime', ups, BigInt(Math.floor(runtime))));
  return facts;
}

/** A number as drivers write it, `82` or `82.50`; null for anything else. */
function readNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : null;
}

/** Runs `work` on one connection, one list at a time, and closes it. */
async function withServer<T>(
  { host, port }: NutSource,
  signal: AbortSignal,
  work: (list: List) => Promise<T>,
): Promise<T> {
  const place = `upsd at ${host}:${port}`;
  const socket = connect({ host, port });
  // Ends whatever waits for a line; the reading below throws what is told here.
  const abort = () => void socket.destroy(signal.reason);
  socket.on('error', () => {});
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) throw signal.reason;
    const lines = linesOf(socket, place);
    return await work((asked) => readList(asked, socket, { lines, place }));
  } catch (cause) {
    if (cause instanceof LogicError) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'the connection failed';
    throw new LogicError('source_unreachable', `${place}: ${code}.`, cause);
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

interface Lines {
  readonly lines: AsyncGenerator<string, void>;
  readonly place: string;
}

async function readList(
  asked: readonly string[],
  socket: Socket,
  { lines, place }: Lines,
): Promise<Rows | LogicError> {
  socket.write(`LIST ${writeWords(asked)}\n`);
  const reader = new ListReader(asked);
  for (;;) {
    const { value: line, done } = await lines.next();
    if (done) throw new LogicError('source_unreadable', `${place} ended the connection.`);
    const step = reader.take(line);
    if (step.kind === 'whole') return step.rows;
    if (step.kind === 'refused') return refusal(step.code, asked, place);
    if (step.kind === 'garbage') {
      throw new LogicError('source_unreadable', `${place} answered LIST ${asked.join(' ')} with no list.`);
    }
  }
}

function refusal(code: string, asked: readonly string[], place: string): LogicError {
  const said = /^[A-Z-]{1,40}$/.test(code) ? code : 'an error';
  return new LogicError(
    said === 'ACCESS-DENIED' ? 'source_refused' : 'source_unreadable',
    `${place} refused LIST ${asked.join(' ')}: ${said}.`,
  );
}

/** Bytes as they come: what is read of them is ASCII, the rest may be in any encoding. */
async function* linesOf(socket: Socket, place: string): AsyncGenerator<string, void> {
  let bytes = 0;
  let pending = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > UPS_REPLY_BYTES)
      throw new LogicError('source_unreadable', `${place} sent more than ${UPS_REPLY_BYTES} bytes.`);
    const lines = (pending + chunk.toString('latin1')).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
}
