/**
 * A machine becomes a site of a fleet. Its key is made here and stays here: what is sent is the invitation's secret and a request for a
 * certificate that is signed with the key, and only after the other side has shown that it is of the fleet that invited.
 * The key is kept from the first try on, so that a try whose reply was lost is answered the same when it is repeated.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { membership } from '@fleet/shared/api/membership.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { readInvitation, secretHash } from '@fleet/shared/invitation.ts';
import { JOIN_TRIES } from '@fleet/shared/limits.ts';
import { newKey, signingRequest } from '@fleet/shared/signing-request.ts';
import type { World } from '../world.ts';
import { tellCoordinator } from './coordinator.ts';
import { finishJoin, joiningFiles, type Member, readText, replace } from './files.ts';
import { mayPass, waitMs } from './patience.ts';

export interface JoinOptions {
  readonly invitation: string;
  /** The site's folder. */
  readonly data: string;
  /** host:port where the coordinator is to reach this site; null: where this machine is seen from there. */
  readonly address: string | null;
  readonly world: Pick<World, 'now' | 'random'>;
  /** Told before each further try. */
  readonly again?: (cause: LogicError, afterMs: number) => void;
}

/** Throws LogicError: `bad_invitation`, `wrong_fleet`, `unreachable`, and what the coordinator said. */
export async function join({
  invitation,
  data,
  address,
  world,
  again = () => {},
}: JoinOptions): Promise<Member> {
  const { site, coordinator, pin, secret, expires } = readInvitation(invitation);
  if (expires <= world.now()) {
    const since = new Date(expires).toISOString().slice(0, 16).replace('T', ' ');
    throw new LogicError(
      'bad_invitation',
      `the invitation of ${site} expired at ${since} UTC, by this machine's clock`,
    );
  }
  finishJoin(data);
  await mkdir(joinPath(data, 'tls'), { recursive: true, mode: 0o700 });
  const request = await preparedRequest(data, site, secret);
  const reply = await repeated(
    () =>
      tellCoordinator({ address: coordinator, pin }, { path: '/join', body: () => ({ secret, request }) }),
    { world, again },
  );
  const given = membership.safeParse(reply);
  if (!given.success)
    throw new LogicError('bad_reply', 'what the coordinator sent is no certificate', given.error);
  const member: Member = { site, coordinator, pin, address };
  const files = joiningFiles(data);
  await replace(files.authority, given.data.authority);
  await replace(files.member, `${JSON.stringify(member, null, 2)}\n`);
  await replace(files.certificate, given.data.certificate);
  finishJoin(data);
  return member;
}

/** The request of an earlier try with this invitation, or one with a new key. */
async function preparedRequest(data: string, site: string, secret: string): Promise<string> {
  const folder = joinPath(data, 'tls', 'joining');
  const mark = joinPath(folder, 'for');
  if (readText(mark) !== secretHash(secret)) await rm(folder, { recursive: true, force: true });
  const files = joiningFiles(data);
  if (!existsSync(files.request)) {
    await replace(mark, secretHash(secret));
    const key = readText(files.key) ?? newKey();
    await replace(files.key, key);
    await replace(files.request, await signingRequest(site, key));
  }
  return readText(files.request) ?? '';
}

/** Tries again after what may pass, as a busy coordinator. Nothing at the address at all is told at once: it may be mistyped. */
async function repeated<T>(
  attempt: () => Promise<T>,
  { world, again }: Pick<Required<JoinOptions>, 'world' | 'again'>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (cause) {
      const refused = cause instanceof LogicError && /nothing listens|ENOTFOUND/.test(cause.message);
      if (refused || tries === JOIN_TRIES || !mayPass(cause)) throw cause;
      const afterMs = waitMs(tries, cause, world.random());
      again(cause as LogicError, afterMs);
      await delay(afterMs);
    }
  }
}
