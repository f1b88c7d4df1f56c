/**
 * Keeps a running site a member: renews its certificate before it ends (or long after, when the machine was off), and tells the
 * coordinator where it is, at the start, each time its address changes, and now and then. One turn at a time; what
 * fails is tried again, later and later, and never stops the site from serving.
 *
 * Turns begin at a random moment, so that a thousand sites that get power back at once do not come at once.
 */
import { X509Certificate } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { membership, movedReply } from '@fleet/shared/api/membership.ts';
import { asLogicError, ERRORS } from '@fleet/shared/errors.ts';
import {
  ADDRESS_LOOK_MS,
  ANNOUNCE_EVERY_MS,
  ANNOUNCE_SPREAD_MS,
  CERTIFICATE_RENEW_DAYS,
} from '@fleet/shared/limits.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import { type Coordinator, type Identity, tellCoordinator } from './coordinator.ts';
import { keepRenewed, type Member, memberFiles, readText } from './files.ts';
import { waitMs } from './patience.ts';

const DAY_MS = 86_400_000;

export interface KeeperParts {
  readonly member: Member;
  readonly data: string;
  /** Of this process. */
  readonly instance: string;
  /** Where the TLS listener is bound. */
  readonly bound: { readonly host: string; readonly port: number };
  /** Told when there is another certificate: the listener is to show it from now on. */
  readonly renewed: () => void;
  readonly world: World;
  readonly log: Logger;
  /** This machine's addresses, as text; another text is another address. */
  readonly addresses?: () => string;
}

export class Keeper {
  readonly #parts: Required<KeeperParts>;
  #callOff: () => void = () => {};
  #callOffLook: () => void = () => {};
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;
  #failures = 0;
  #told = '';
  #said = '';

  constructor(parts: KeeperParts) {
    this.#parts = { addresses: () => JSON.stringify(networkInterfaces()), ...parts };
  }

  start(): void {
    const { world, addresses } = this.#parts;
    this.#told = addresses();
    this.#after(world.random() * ANNOUNCE_SPREAD_MS);
    this.#look();
  }

  /** Resolves when the turn under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#callOff();
    this.#callOffLook();
    await this.#turn;
  }

  #after(ms: number): void {
    this.#callOff();
    if (this.#stopped) return;
    this.#callOff = this.#parts.world.after(ms, () => {
      this.#turn = this.#turn.then(() => this.#run());
    });
  }

  #look(): void {
    const { world, addresses } = this.#parts;
    this.#callOffLook = world.after(ADDRESS_LOOK_MS, () => {
      const now = addresses();
      if (now !== this.#told) {
        this.#told = now;
        this.#after(0);
      }
      if (!this.#stopped) this.#look();
    });
  }

  async #run(): Promise<void> {
    const { world, log, member } = this.#parts;
    if (this.#stopped) return;
    try {
      await this.#renewWhenDue();
      const reached = await this.#announce();
      this.#failures = 0;
      this.#say('info', reached ? 'the coordinator reaches this site' : UNREACHED);
      this.#after(ANNOUNCE_EVERY_MS * (0.75 + world.random() / 2));
    } catch (cause) {
      this.#failures += 1;
      const error = asLogicError(cause);
      if (error.code === 'internal') log.error({ err: error.detail ?? error }, 'membership');
      this.#say(
        'warn',
        `${member.coordinator}: ${error.code}: ${error.message}. ${ERRORS[error.code].advice}`,
      );
      this.#after(waitMs(this.#failures, cause, world.random()));
    }
  }

  async #renewWhenDue(): Promise<void> {
    const { data, world, log, renewed } = this.#parts;
    const own = this.#own();
    const left = new X509Certificate(own.identity.certificate).validToDate.getTime() - world.now();
    if (left > CERTIFICATE_RENEW_DAYS * DAY_MS) return;
    const given = membership.parse(
      await tellCoordinator(own.to, { path: '/renew', body: () => ({}), ...own }),
    );
    await keepRenewed(data, given);
    renewed();
    log.info({ validTo: new X509Certificate(given.certificate).validTo }, 'the certificate was renewed');
  }

  async #announce(): Promise<boolean> {
    const { member, instance } = this.#parts;
    const own = this.#own();
    const body = (local: string) => ({ instance, address: member.address ?? this.#seenAt(local) });
    const { reached } = movedReply.parse(await tellCoordinator(own.to, { path: '/moved', body, ...own }));
    return reached;
  }

  /** The listener's port at the address by which this machine went to the coordinator, or where it is bound to one. */
  #seenAt(local: string): string {
    const { host, port } = this.#parts.bound;
    const seen = ['0.0.0.0', '::'].includes(host) ? local : host;
    return seen.includes(':') ? `[${seen}]:${port}` : `${seen}:${port}`;
  }

  /** Read each time: a join or a renewal may have replaced them. */
  #own(): { readonly to: Coordinator; readonly identity: Identity } {
    const { data, member } = this.#parts;
    const files = memberFiles(data);
    const { coordinator: address, pin } = member;
    return {
      to: { address, pin, authority: readText(files.authority) ?? undefined },
      identity: { certificate: readText(files.certificate) ?? '', key: readText(files.key) ?? '' },
    };
  }

  /** Once, until something else is to be said. */
  #say(level: 'info' | 'warn', text: string): void {
    if (text === this.#said) return;
    this.#said = text;
    this.#parts.log[level](text);
  }
}

const UNREACHED =
  'the coordinator knows this site, and does not reach it at its address: join with --address HOST:PORT, or open the way';
