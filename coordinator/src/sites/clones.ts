/**
 * Is a site there twice? A copied disk has the site's key, so no signature tells the copy from the site. What tells is that one of
 * them is behind: it shows an older certificate, or a revision that was passed long ago; or that both are there at the
 * same time: two processes that answer with one key. Then the site is quarantined, by name and with the reason, and
 * nobody is believed until it is invited again, with a new key. (To keep asking the "better" one was
 * rejected: nothing here can know which that is.)
 *
 * A question that was on its way while a later one was answered may bring an older revision: only a revision below one that was
 * known before the question was asked counts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LogicError } from '@fleet/shared/errors.ts';
import { CLONE_LOOK_AGAIN_MS, PROBES_AT_ONCE, REVISIONS_KEPT_MS } from '@fleet/shared/limits.ts';
import pLimit from 'p-limit';
import type { World } from '../world.ts';
import type { IssuedCertificate, Registry, Site } from './registry.ts';

/** The process that answers at an address with the site's key; null where none does. */
export type Probe = (site: Site, address: string) => Promise<string | null>;

export interface Announcement {
  readonly address: string;
  /** Of the process that says so; it waits for the reply, so it is there now. */
  readonly instance: string;
  /** Aborted when it no longer waits. */
  readonly gone: AbortSignal;
}

export interface Clones {
  /** What a verified reply says of its site. `askedAt` is on the elapsed clock. An error where it cannot be the site. */
  revision(site: Site, revision: number, askedAt: number): LogicError | null;
  /** A certificate of the site that is not its newest was shown. Null where its key is not the site's either: then it is history. */
  older(site: Site, shown: IssuedCertificate): LogicError | null;
  /** A handshake showed another certificate than the registered one. */
  shown(site: Site, fingerprint: string): LogicError | null;
  /** Looks where the site says that it is, and where it was. @throws LogicError `cloned` */
  announced(site: Site, announcement: Announcement): Promise<{ readonly reached: boolean }>;
  /** Writes down what is known. */
  close(): void;
}

export interface ClonesParts {
  readonly registry: Registry;
  readonly world: World;
  readonly probe: Probe;
  /** Told when a site is quarantined: its sessions are to end. */
  readonly quarantined: (site: Site, reason: string) => void;
  /** Told when something could not be written down, on a full disk say: it is kept, and tried again. */
  readonly notKept?: (cause: unknown) => void;
}

interface Seen {
  readonly revision: number;
  /** On the elapsed clock. */
  readonly at: number;
  /** Another key is another beginning; null for what an earlier coordinator saw. */
  readonly publicKey: string | null;
}

export function openClones({ registry, world, probe, quarantined, notKept = () => {} }: ClonesParts): Clones {
  const seen = new Map<string, Seen>();
  for (const [subject, revision] of registry.revisions())
    seen.set(subject, { revision, at: Number.NEGATIVE_INFINITY, publicKey: null });
  const changed = new Set<string>();
  const places = new Map<string, Pick<Announcement, 'address' | 'instance'>>();
  const limit = pLimit(PROBES_AT_ONCE);

  const quarantine = (site: Site, reason: string): LogicError => {
    try {
      registry.setStatus(site.name, 'quarantined', reason);
    } catch (cause) {
      // Not believed all the same; the next sign of two writes it down.
      notKept(cause);
    }
    quarantined(site, reason);
    return new LogicError('cloned', `${site.name}: ${reason}`);
  };
  const keep = () => {
    const rows = [...changed].map((subject) => [subject, seen.get(subject)?.revision ?? 0] as const);
    if (rows.length === 0) return;
    try {
      registry.keepRevisions(rows);
      changed.clear();
    } catch (cause) {
      notKept(cause);
    }
  };
  const older: Clones['older'] = (site, { publicKey, incarnation }) =>
    publicKey === site.publicKey && site.status === 'active'
      ? quarantine(
          site,
          `incarnation ${incarnation} of it turned up, and it is at ${site.incarnation}: a copy, or an old backup`,
        )
      : null;
  const look = async (site: Site, { address, instance }: Announcement): Promise<Look> => {
    const [now, before] = await Promise.all([
      limit(() => probe(site, address)),
      site.address === address ? null : limit(() => probe(site, site.address)),
    ]);
    return {
      reached: now === instance,
      another: [now, before].some((one) => one !== null && one !== instance),
    };
  };
  const timer = setInterval(keep, REVISIONS_KEPT_MS);
  timer.unref();

  return {
    revision: (site, revision, askedAt) => {
      const known = seen.get(site.subject);
      const same = known !== undefined && (known.publicKey === null || known.publicKey === site.publicKey);
      if (same && revision < known.revision) {
        return askedAt > known.at
          ? quarantine(
              site,
              `its revision went from ${known.revision} back to ${revision}: a copy, or an old backup`,
            )
          : null;
      }
      if (!same || revision > known.revision) changed.add(site.subject);
      seen.set(site.subject, { revision, at: world.elapsed(), publicKey: site.publicKey });
      return null;
    },
    older,
    shown: (site, fingerprint) => {
      const found = registry.identify(fingerprint);
      return found?.age === 'old' && found.site.name === site.name
        ? older(found.site, found.certificate)
        : null;
    },
    announced: async (site, announcement) => {
      const { address, instance, gone } = announcement;
      const last = places.get(site.subject);
      if (last?.instance === instance && last.address === address && site.address === address)
        return { reached: true };
      let { reached, another } = await look(site, announcement);
      if (another) {
        // One that is just ending, as in a restart, is gone a moment later.
        await delay(CLONE_LOOK_AGAIN_MS, undefined, { ref: false });
        ({ reached, another } = await look(site, announcement));
      }
      if (another && !gone.aborted) {
        throw quarantine(
          site,
          `two processes answer with its key, at ${spots(site, address)}: a copy of its disk runs`,
        );
      }
      if (reached) places.set(site.subject, { address, instance });
      return { reached };
    },
    close: () => {
      clearInterval(timer);
      keep();
    },
  };
}

interface Look {
  /** The one who announced is reached where it says. */
  readonly reached: boolean;
  readonly another: boolean;
}

function spots(site: Site, address: string): string {
  return site.address === address ? address : `${site.address} and ${address}`;
}
