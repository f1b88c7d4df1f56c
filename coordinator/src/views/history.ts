/**
 * The history of fleet answers. `record` takes an answer that has been given and returns at once; it is made into bytes between
 * other work, and a thread of its own writes it, many with one fsync. Nothing that goes wrong here touches an answer: a
 * disk that is full leaves a named warning in the log and in the answers that follow, and what waits is written when there is room.
 *
 * An answer that is given again as it is (a live view gives the same object to everyone) is one row with a count for each asker.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { Answer, FleetWarning } from '@fleet/shared/api/ask.ts';
import type {
  DiffInput,
  DiffRun,
  HistoryCheck,
  HistoryDiff,
  HistoryPage,
  HistoryRow,
  HistoryRun,
  historyInput,
} from '@fleet/shared/api/history.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { World } from '../world.ts';
import { checkHistory } from './history/check.ts';
import type { Answered } from './history/content.ts';
import { diff } from './history/diff.ts';
import { macKeyOf } from './history/last-known.ts';
import { questionKey } from './history/question.ts';
import { WriteQueue } from './history/queue.ts';
import { HistoryReader } from './history/reader.ts';
import { RecentAnswers } from './history/recent.ts';
import type { WriterOptions, WriterReply } from './history/writer.ts';
import { startWriting, type Write } from './history/writing.ts';

export interface HistoryOptions extends Omit<WriterOptions, 'now'> {
  readonly world: World;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

export interface History {
  /** Takes an answer that has been given. Never throws. */
  record(answered: Answered): void;
  /** Why answers are not kept at the moment; null where they are. */
  warning(): FleetWarning | null;
  list(filter: z.output<typeof historyInput>): HistoryPage;
  /** @throws LogicError `not_found` */
  row(id: number): Promise<HistoryRow>;
  /** @throws LogicError `not_found`, `bad_request` for runs of different questions */
  diff(input: DiffInput): Promise<HistoryDiff>;
  /** What `site` answered the last time it was asked this; null where that is not known. */
  of(
    query: string,
    assumptions: readonly string[],
    site: string,
  ): { readonly at: number; readonly answers: readonly Answer[] } | null;
  /** Looks at every row; `against` is a checkpoint that was kept elsewhere. */
  check(against?: string): Promise<HistoryCheck>;
  /** Resolves when all that was recorded is on the disk, or will not get there now. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Opens or makes the history. A disk that will not have it is no reason not to start: answers come with a warning then. */
export async function openHistory({ world, log, ...options }: HistoryOptions): Promise<History> {
  const privateKey = createPrivateKey(options.key);
  const publicKey = createPublicKey(privateKey);
  const macKey = macKeyOf(privateKey);
  const trouble = new Trouble(log);
  const writing = await startWriting({ ...options, now: world.now() });
  if (!writing.opened.ok && writing.opened.code === 'bad_setup')
    throw new LogicError('bad_setup', writing.opened.message);
  trouble.heard(writing.opened);
  const recent = new RecentAnswers(world);
  const write: Write = async (batch) => {
    const reply = await writing.write(batch, world.now());
    trouble.heard(reply);
    return reply;
  };
  const queue = new WriteQueue(write, recent, (err) => log.error({ err }, 'an answer cannot be kept'));
  const reader = new HistoryReader(options.file);

  const runOf = async (id: number): Promise<HistoryRun> => {
    const row = await reader.row(id);
    return row.kind === 'again' ? runOf(row.of) : row;
  };
  const keyOf = rememberingLast(questionKey);
  const lastKnown: History['of'] = (query, assumptions, site) => {
    const question = keyOf(query, assumptions);
    const found = recent.get(question, site) ?? reader.lastKnown(question, site, macKey);
    if (found === null) return null;
    return { at: found.at, answers: found.answers.map((answer) => ({ site, ...answer, proof: null })) };
  };

  return {
    record: (answered) => queue.take(answered),
    warning: () => trouble.warning,
    list: (filter) => reader.list(filter),
    row: (id) => reader.row(id),
    diff: async (input) => {
      const [a, b] = 'last' in input ? lastTwo(reader, input.last, input.assume ?? []) : [input.a, input.b];
      return compare(await runOf(a), await runOf(b));
    },
    of: lastKnown,
    check: async (against) => {
      await queue.flush();
      return checkHistory(options.file, { publicKey, macKey, ...(against !== undefined && { against }) });
    },
    flush: () => queue.flush(),
    close: async () => {
      await queue.flush();
      await writing.close();
      reader.close();
    },
  };
}

/** The same question is looked up for each site that is missing, and reading its text once is enough. */
function rememberingLast(of: typeof questionKey): typeof questionKey {
  let last: { query: string; assume: readonly string[]; key: string } | null = null;
  return (query, assume = []) => {
    if (last?.query !== query || last.assume !== assume) last = { query, assume, key: of(query, assume) };
    return last.key;
  };
}

/** @throws LogicError `not_found` */
function lastTwo(reader: HistoryReader, query: string, assume: readonly string[]): [number, number] {
  const [b, a] = reader.lastRuns(questionKey(query, assume), 2);
  if (a === undefined || b === undefined)
    throw new LogicError(
      'not_found',
      `the history has ${b === undefined ? 'no run' : 'one run only'} of ${query}`,
    );
  return [a, b];
}

/** @throws LogicError `bad_request` */
function compare(a: HistoryRun, b: HistoryRun): HistoryDiff {
  if (questionKey(a.asked.query, a.asked.assume) !== questionKey(b.asked.query, b.asked.assume))
    throw new LogicError(
      'bad_request',
      `row ${a.id} asks ${a.asked.query}, row ${b.id} asks ${b.asked.query}`,
    );
  return { a: shown(a), b: shown(b), ...diff(a.result, b.result) };
}

function shown({ id, at, askedBy, asked, result }: HistoryRun): DiffRun {
  return { id, at, askedBy, query: asked.query, complete: result.complete };
}

/** Why the disk does not take what is written: told once when it begins, and once when it ends. */
class Trouble {
  readonly #log: HistoryOptions['log'];
  warning: FleetWarning | null = null;

  constructor(log: HistoryOptions['log']) {
    this.#log = log;
  }

  heard(reply: WriterReply): void {
    if (reply.ok && reply.movedAside !== null)
      this.#log.error(
        { code: 'history_broken', file: reply.movedAside },
        'the history was changed by somebody: it is kept at this place, and a new one begins',
      );
    if (reply.ok === (this.warning === null)) return;
    if (reply.ok) this.#log.info('the history is written again');
    else this.#log.error({ code: reply.code }, reply.message);
    this.warning = reply.ok ? null : { code: reply.code, message: reply.message };
  }
}
