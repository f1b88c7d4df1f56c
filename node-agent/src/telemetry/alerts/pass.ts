/**
 * The alert pass: after a revision, the rules are asked what is to change about alerts (`alert_change/4`), and what they say
 * becomes one batch, a revision of its own, with its history and the deliveries it owes in the same transaction. So a
 * change that was decided is in the journal, in the history and in the queue, or nowhere, whatever is killed when.
 *
 * A pass does not follow from its own revision unless others came in between, or there was more to change than one pass
 * applies. Passes that take long come less often (ALERT_PASS_REST): what they miss in between, hysteresis would have hidden.
 */
import type { Delivery } from '@fleet/shared/alerts/queue.ts';
import {
  type ActiveAlert,
  ALERT_CHANGE_KINDS,
  type AlertChange,
  SEVERITIES,
} from '@fleet/shared/api/alerts.ts';
import { asLogicError } from '@fleet/shared/errors.ts';
import { ALERT_CHANGES, ALERT_PASS_REST, FOREVER } from '@fleet/shared/limits.ts';
import { writeAtom } from '@fleet/shared/term.ts';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { SiteEngine } from '../../prolog/engine.ts';
import type { World } from '../../world.ts';
import type { Journal, JournalRow } from '../journal.ts';
import type { StateSync } from '../sync.ts';
import type { AlertLedger } from './ledger.ts';
import { webhookMessage } from './webhook.ts';

export interface AlertPassParts {
  readonly site: string;
  readonly urls: readonly string[];
  readonly engine: SiteEngine;
  readonly journal: Journal;
  readonly ledger: AlertLedger;
  readonly sync: StateSync;
  /** Told when deliveries were queued. */
  readonly onQueued: () => void;
  readonly world: World;
  readonly log: Logger;
}

const active = z.object({
  alert: z.string(),
  subject: z.string(),
  severity: z.enum(SEVERITIES),
  since: z.number(),
  unknown: z.boolean(),
});
const changesReply = z.object({
  revision: z.number(),
  more: z.boolean(),
  changes: z.array(
    z.object({
      alert: z.string(),
      subject: z.string(),
      severity: z.enum(SEVERITIES),
      change: z.enum(ALERT_CHANGE_KINDS),
      before: active.nullable(),
    }),
  ),
});
const activeReply = z.object({ revision: z.number(), alerts: z.array(active) });

export class AlertPass {
  readonly #parts: AlertPassParts;
  #considered = -1;
  #wanted = -1;
  #running: Promise<void> | null = null;
  #callOff: (() => void) | null = null;
  #stopped = true;

  constructor(parts: AlertPassParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#stopped = false;
    this.after(this.#parts.sync.revision);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff?.();
    await this.#running;
  }

  /** Told of each revision that Prolog holds. */
  after(revision: number): void {
    this.#wanted = Math.max(this.#wanted, revision);
    if (this.#stopped || this.#running !== null || this.#callOff !== null) return;
    if (this.#wanted > this.#considered && this.#parts.engine.state === 'ready') this.#begin();
  }

  /** Every revision up to this one has been looked at, -1 at first. */
  get considered(): number {
    return this.#considered;
  }

  /** The alerts that are active now. Throws `not_ready`, `engine_lost`. */
  async active(): Promise<{ revision: number; alerts: ActiveAlert[] }> {
    return activeReply.parse(await this.#parts.engine.bridge().control('/active'));
  }

  #begin(): void {
    const { world, log } = this.#parts;
    const began = world.elapsed();
    this.#running = this.#pass()
      .catch((cause) => {
        // Whatever was lost with an engine comes again with the next one; other faults with the next revision.
        this.#wanted = this.#considered;
        const { code } = asLogicError(cause);
        if (code !== 'engine_lost' && code !== 'not_ready') log.error({ err: cause }, 'alert pass failed');
      })
      .then(() => {
        this.#running = null;
        if (!this.#stopped) this.#rest((world.elapsed() - began) * ALERT_PASS_REST);
      });
  }

  #rest(ms: number): void {
    this.#callOff = this.#parts.world.after(ms, () => {
      this.#callOff = null;
      this.after(this.#wanted);
    });
  }

  async #pass(): Promise<void> {
    const { engine, journal, sync, world, onQueued } = this.#parts;
    const now = world.now();
    const bridge = engine.bridge();
    const path = `/alerts?now=${now}&most=${ALERT_CHANGES}`;
    const { revision, more, changes } = changesReply.parse(await bridge.control(path));
    if (changes.length === 0) {
      this.#considered = revision;
      return;
    }
    const own = this.#journal(changes, now);
    await journal.durable();
    onQueued();
    this.#considered = own === revision + 1 && !more ? own : revision;
    await sync.follow(bridge);
    this.#wanted = Math.max(this.#wanted, sync.revision);
  }

  /** Returns the revision that the changes make. */
  #journal(changes: z.infer<typeof changesReply>['changes'], now: number): number {
    const { site, urls, journal, ledger, world, log } = this.#parts;
    const own = journal.append(
      changes.flatMap((change) => rowsOf(change, now)),
      now,
      (revision) => {
        const made = changes.map(({ before, ...change }) => ({
          before,
          change: { ...change, at: now, revision },
        }));
        const owed = made.flatMap(({ change, before }): Delivery[] => {
          const body = JSON.stringify(webhookMessage(site, change, before));
          return urls.map((url) => ({ id: world.uuid(), url, body, queuedAt: now }));
        });
        ledger.record(
          made.map(({ change }) => change),
          owed,
        );
      },
    );
    for (const { alert, subject, severity, change } of changes)
      log.info({ alert, subject, severity, change, revision: own }, 'alert');
    return own;
  }
}

/** What a change does to the facts. Raising ends being unknown too: there is evidence. */
function rowsOf(
  { alert, subject, severity, change }: Pick<AlertChange, 'alert' | 'subject' | 'severity' | 'change'>,
  now: number,
): JournalRow[] {
  const place = `${writeAtom(alert)},${writeAtom(subject)}`;
  const evidence = { source: 'alerts', observedAt: now, validUntil: FOREVER };
  const isActive = { fact: `active_alert(${place},${severity})`, ...evidence };
  const isUnknown = { fact: `alert_unknown(${place})`, ...evidence };
  switch (change) {
    case 'raise':
      return [isActive, { ...isUnknown, removed: true }];
    case 'clear':
      return [
        { ...isActive, removed: true },
        { ...isUnknown, removed: true },
      ];
    case 'lose':
      return [isUnknown];
    case 'regain':
      return [{ ...isUnknown, removed: true }];
  }
}
