/**
 * The engine as the rest of the agent sees it: a bridge when it is ready, a named error when it is not. This is
 * the thin I/O around `supervisor.ts`: it carries out the actions and turns exits, readiness, hung questions and
 * a heartbeat into events. In-flight questions of an engine that dies fail in the bridge with `engine_lost`.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { AGENT_REPLY_MS, ENGINE_CHECK_MS, ENGINE_FUNCTORS_GROWTH } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import { Bridge } from './bridge.ts';
import { type Confinement, UNCONFINED } from './confinement.ts';
import type { EngineProcess } from './process.ts';
import {
  AT_REST,
  type EngineState,
  type Supervision,
  type SupervisorAction,
  type SupervisorEvent,
  supervise,
} from './supervisor.ts';

/** How often a recycle looks whether the last question was answered. */
const DRAIN_LOOK_MS = 20;
/** What an engine whose lane ended has to end itself. */
const LANE_LOST_MS = 250;

export interface EngineParts {
  readonly spawn: () => Promise<EngineProcess>;
  /** Brings a fresh engine to the journal's last revision; the engine is ready when this settles. */
  readonly restore: (bridge: Bridge) => Promise<void>;
  /** Called when an engine is ready for questions. */
  readonly onReady: (bridge: Bridge) => void;
  /** Called when an engine is gone: its sessions are. */
  readonly onLost: () => void;
  readonly world: World;
  readonly log: Logger;
}

/** What a site has of its engine: all of it, or its share of one that holds many (shared-engine.ts). */
export interface SiteEngine {
  readonly state: EngineState;
  readonly restarts: number;
  readonly pid: number | null;
  readonly confinement: Confinement;
  /** Throws `not_ready` while there is none. */
  bridge(): Bridge;
  report(event: 'answered' | 'abandoned'): void;
}

export class Engine implements SiteEngine {
  readonly #parts: EngineParts;
  #supervision: Supervision = AT_REST;
  #process: EngineProcess | null = null;
  #bridge: Bridge | null = null;
  #firstStart = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();
  #callOffHeartbeat: () => void = () => {};
  #functorsAtStart = 0;
  /** Takes no new questions: it will be replaced when those under way are answered. */
  #draining: Bridge | null = null;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#firstStart.promise.catch(() => {});
  }

  get state(): EngineState {
    return this.#supervision.state;
  }

  get restarts(): number {
    return this.#supervision.restarts;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  /** What holds the engine's process; of none, while there is none. */
  get confinement(): Confinement {
    return this.#process?.confinement ?? UNCONFINED;
  }

  /** Resolves when the first engine is ready; rejects when the very first start fails. */
  start(): Promise<void> {
    this.#handle({ type: 'start' });
    return this.#firstStart.promise;
  }

  /** Resolves when no engine process is left. */
  stop(): Promise<void> {
    this.#callOffHeartbeat();
    this.#handle({ type: 'stop' });
    if (this.#supervision.state === 'stopped') this.#stopped.resolve();
    return this.#stopped.promise;
  }

  /** Throws `not_ready` while there is none. */
  bridge(): Bridge {
    if (this.#supervision.state !== 'ready' || this.#bridge === null || this.#draining === this.#bridge) {
      throw new LogicError('not_ready', 'The site is starting its engine.');
    }
    return this.#bridge;
  }

  /** Told by whoever asks: a question was answered, or got no reply in time. */
  report(event: 'answered' | 'abandoned'): void {
    this.#handle({ type: event });
  }

  #handle(event: SupervisorEvent): void {
    const was = this.#supervision.state;
    const { next, actions } = supervise(this.#supervision, event, this.#parts.world.elapsed());
    this.#supervision = next;
    if (next.state !== was) this.#parts.log.debug({ was, state: next.state, event: event.type }, 'engine');
    for (const action of actions) this.#carryOut(action);
    if (next.state === 'ready' && was !== 'ready') this.#becameReady();
    if (next.state === 'stopped' && was !== 'stopped') this.#stopped.resolve();
  }

  #carryOut(action: SupervisorAction): void {
    switch (action.do) {
      case 'spawn':
        void this.#spawn();
        return;
      case 'sync':
        void this.#sync();
        return;
      case 'kill':
        this.#process?.kill();
        return;
      case 'end':
        this.#endProcess();
        return;
      case 'wake':
        this.#parts.world.after(Math.max(0, action.at - this.#parts.world.elapsed()), () =>
          this.#handle({ type: 'tick' }),
        );
    }
  }

  /** While a process is still being started there is none to end yet: `#spawn` ends it on arrival. */
  #endProcess(): void {
    this.#process?.end();
  }

  async #spawn(): Promise<void> {
    try {
      const child = await this.#parts.spawn();
      this.#process = child;
      void child.exited.then((reason) => this.#exited(child, reason));
      if (this.#supervision.state === 'closing') return child.end();
      await child.listening;
      const bridge: Bridge = Bridge.open(child.sockets, () => this.#lostLane(bridge));
      this.#bridge = bridge;
      this.#handle({ type: 'listening' });
    } catch (cause) {
      this.#parts.log.error({ err: cause }, 'engine start failed');
      this.#firstStart.reject(cause);
      if (this.#process === null) this.#handle({ type: 'exited' });
    }
  }

  async #sync(): Promise<void> {
    const bridge = this.#bridge;
    if (bridge === null) return;
    try {
      await this.#parts.restore(bridge);
      this.#functorsAtStart = (await bridge.ready()).functors;
      this.#handle({ type: 'synced' });
    } catch (cause) {
      this.#parts.log.error({ err: cause }, 'engine restore failed');
      this.#firstStart.reject(cause);
      this.#handle({ type: 'sync_failed' });
    }
  }

  #becameReady(): void {
    const { confinement, restarts } = this;
    this.#parts.log.info({ engine: this.pid, restarts, confinement }, 'engine ready');
    if (confinement.landlock === 0 || !confinement.seccomp)
      this.#parts.log.warn({ confinement }, 'the engine is not wholly confined: see docs/security.md');
    if (this.#bridge !== null) this.#parts.onReady(this.#bridge);
    this.#firstStart.resolve();
    this.#heartbeat();
  }

  #exited(child: EngineProcess, reason: string): void {
    if (this.#process !== child) return;
    this.#callOffHeartbeat();
    if (this.#supervision.state !== 'closing')
      this.#parts.log.warn({ engine: child.pid, reason }, 'engine lost');
    this.#process = null;
    void this.#bridge?.close();
    this.#bridge = null;
    this.#parts.onLost();
    this.#handle({ type: 'exited' });
  }

  /** An engine without its lane answers hardly anything: another is started. */
  #lostLane(bridge: Bridge): void {
    // Mostly it is the first sign that the process ended, which is told in a moment.
    this.#parts.world.after(LANE_LOST_MS, () => {
      if (this.#bridge === bridge) this.#handle({ type: 'unhealthy' });
    });
  }

  /** Asks for readiness now and then: a hung engine is ended, one with too many functors is recycled. */
  #heartbeat(): void {
    this.#callOffHeartbeat();
    this.#callOffHeartbeat = this.#parts.world.after(ENGINE_CHECK_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    const bridge = this.#bridge;
    if (bridge === null || this.#supervision.state !== 'ready') return;
    try {
      const { functors } = await bridge.ready();
      const grown = functors - this.#functorsAtStart;
      if (grown > ENGINE_FUNCTORS_GROWTH) this.#recycle(bridge, grown);
      else this.#heartbeat();
    } catch (cause) {
      if (this.#bridge !== bridge) return;
      this.#parts.log.warn({ err: cause }, 'engine unhealthy');
      this.#handle({ type: 'unhealthy' });
    }
  }

  /** Replaces an engine that grew too much: after the questions under way, and no later than the longest may take. */
  #recycle(bridge: Bridge, functors: number): void {
    const { world, log } = this.#parts;
    log.info({ engine: this.pid, functors }, 'engine recycled: functors are never collected');
    this.#draining = bridge;
    const latest = world.elapsed() + AGENT_REPLY_MS;
    const look = () => {
      if (this.#bridge !== bridge) return;
      if (bridge.underWay === 0 || world.elapsed() >= latest) this.#handle({ type: 'unhealthy' });
      else this.#callOffHeartbeat = world.after(DRAIN_LOOK_MS, look);
    };
    look();
  }
}
