/**
 * The site's stamp on a reply: header lines that say who answered, when and at which revision, with a signature over
 * exactly the bytes that are sent (docs/protocol.md section 4). Replies that are ready in one turn of the event loop are signed together.
 */
import type { KeyObject } from 'node:crypto';
import { SIGNED_AT_ONCE } from '@fleet/shared/limits.ts';
import { type ReplyStatement, type Signed, signReplies } from '@fleet/shared/reply.ts';

export interface Signer {
  readonly site: string;
  /** Bundle digest in hex. */
  readonly bundle: string;
  readonly key: KeyObject;
}

type Said = Omit<ReplyStatement, 'site' | 'bundle'>;

interface Waiting {
  readonly statement: ReplyStatement;
  readonly resolve: (headers: Readonly<Record<string, string>>) => void;
  readonly reject: (cause: unknown) => void;
}

export class Stamper {
  readonly #signer: Signer;
  #waiting: Waiting[] = [];

  constructor(signer: Signer) {
    this.#signer = signer;
  }

  /** The header lines of a reply. */
  headers(said: Said): Promise<Readonly<Record<string, string>>> {
    const { site, bundle } = this.#signer;
    const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, string>>>();
    this.#waiting.push({ statement: { ...said, site, bundle }, resolve, reject });
    if (this.#waiting.length === 1) setImmediate(() => this.#sign());
    return promise;
  }

  #sign(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < all.length; at += SIGNED_AT_ONCE)
      this.#signTogether(all.slice(at, at + SIGNED_AT_ONCE));
  }

  #signTogether(some: readonly Waiting[]): void {
    try {
      const signed = signReplies(
        some.map(({ statement }) => statement),
        this.#signer.key,
      );
      for (const [at, one] of signed.entries()) some[at]?.resolve(stampHeaders(some[at].statement, one));
    } catch (cause) {
      for (const { reject } of some) reject(cause);
    }
  }
}

function stampHeaders(
  { site, now, revision, bundle, nonce }: ReplyStatement,
  { signature, path }: Signed,
): Readonly<Record<string, string>> {
  return {
    'logic-site': site,
    'logic-now': String(now),
    'logic-revision': String(revision),
    'logic-bundle': bundle,
    'logic-nonce': nonce,
    'logic-signature': signature,
    ...(path !== '' && { 'logic-path': path }),
  };
}
