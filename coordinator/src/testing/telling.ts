/** For tests: a site that is watched and tells what the test wants it to, signed with its own key. Its load is the answer to `QUERY`. */
import { createPrivateKey } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import { signReply } from '@fleet/shared/reply.ts';
import { writeWatchEvent } from '@fleet/shared/watch-event.ts';
import { loadBody, NO_ANSWER } from './signed-reply.ts';
import type { Asked, TestFleet, TestSite } from './site-server.ts';

export interface Telling {
  readonly revision: number;
  /** Null tells that there is no answer. */
  readonly load: string | null;
  readonly now?: number;
  readonly nonce?: string;
  /** Signed by this key instead of its own. */
  readonly key?: string;
}

export interface TellingSite {
  readonly site: TestSite;
  /** Watches open now, and ever. */
  readonly open: Set<ServerHttp2Stream>;
  watches: number;
  /** Tells everyone who watches, and whoever begins to from now on first. */
  tell(telling: Telling): void;
  /** Writes these bytes as they are. */
  write(bytes: string): void;
  /** Ends every watch as a site that stops does. */
  drop(): void;
  /** What a new watch gets instead of 200. */
  refuseWith: number | null;
}

export async function tellingSite(fleet: TestFleet, name: string, bundle: string): Promise<TellingSite> {
  const asked = new Map<ServerHttp2Stream, Asked>();
  let last: Telling | null = null;
  const site: TestSite = await fleet.site(name, (stream, request) => {
    if (request.headers[':path'] !== '/watch') return stream.respond({ ':status': 404 }, { endStream: true });
    if (telling.refuseWith !== null) {
      stream.respond({ ':status': telling.refuseWith });
      return void stream.end(JSON.stringify({ code: 'busy', message: 'too many watches' }));
    }
    telling.watches += 1;
    telling.open.add(stream);
    asked.set(stream, request);
    stream.once('close', () => telling.open.delete(stream));
    // SHARP-EDGES 10: a stream that its asker reset closes only when it is destroyed.
    stream.once('aborted', () => stream.destroy());
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    if (last !== null) stream.write(lineOf(site, request, bundle, last));
  });
  const telling: TellingSite = {
    site,
    open: new Set(),
    watches: 0,
    refuseWith: null,
    tell: (one) => {
      last = one;
      for (const stream of telling.open) stream.write(lineOf(site, asked.get(stream) as Asked, bundle, one));
    },
    write: (bytes) => {
      for (const stream of telling.open) stream.write(bytes);
    },
    drop: () => {
      for (const stream of telling.open) stream.end();
    },
  };
  return telling;
}

function lineOf(site: TestSite, { headers, body }: Asked, bundle: string, told: Telling): string {
  const { ask } = JSON.parse(body) as { ask: string };
  const { revision, load, now = Date.now(), nonce = String(headers['logic-nonce']) } = told;
  const text = load === null ? NO_ANSWER : loadBody(load, now);
  const said = { site: site.name, now, revision, bundle, nonce };
  const signature = signReply({ ...said, ask, body: text }, createPrivateKey(told.key ?? site.key));
  return writeWatchEvent({ stamp: { ...said, signature, path: '' }, body: text });
}
