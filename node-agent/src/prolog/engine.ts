/**
 * The engine as the rest of the agent sees it: a bridge when it is ready, a named error when it is not. This is
 * the thin I/O around `supervisor.ts`: it carries out the actions and turns exits, readiness, hung questions and
 * a heartbeat into events. In-flight questions of an engine that dies fail in the bridge with `engine_lost`.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { ENGINE_CHECK_MS, ENGINE_FUNCTORS_GROWTH } from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import { Bridge } from './bridge.ts';
import type { EngineProcess } from './process.ts';
import {
  AT_REST,
  type EngineState,
  type Supervision,
  type SupervisorAction,
  type SupervisorEvent,
  supervise,
} from './supervisor.ts';

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

export class Engine {
  readonly #parts: EngineParts;
  #supervision: Supervision = AT_REST;
  #process: EngineProcess | null = null;
  #bridge: Bridge | null = null;
  #firstStart = Promise.withResolvers<void>();
  #stopped = Promise.withResolvers<void>();
  #callOffHeartbeat: () => void = () => {};
  #functorsAtStart = 0;

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
    if (this.#supervision.state !== 'ready' || this.#bridge === null) {
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
        this.#parts.world.after(action.at - this.#parts.world.elapsed(), () =>
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
      this.#bridge = new Bridge(child.sockets);
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
    this.#parts.log.info({ engine: this.pid, restarts: this.restarts }, 'engine ready');
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
      if (functors - this.#functorsAtStart > ENGINE_FUNCTORS_GROWTH)
        throw new Error(`${functors} functors: recycling`);
      this.#heartbeat();
    } catch (cause) {
      if (this.#bridge !== bridge) return;
      this.#parts.log.warn({ err: cause }, 'engine unhealthy');
      this.#handle({ type: 'unhealthy' });
    }
  }
}
