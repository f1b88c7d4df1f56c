/** For tests: replies as an honest site makes them to `node_load(N, L), L > 0.5`, signed with its key. */
import { createPrivateKey } from 'node:crypto';
import { signReply } from '@fleet/shared/reply.ts';
import type { Asked, Handler, TestSite } from './site-server.ts';

export const QUERY = 'node_load(N, L), L > 0.5';
export const SPREAD_MS = 15_000;

export interface ReplyParts {
  readonly site: string;
  readonly now: number;
  readonly revision: number;
  readonly bundle: string;
  readonly nonce: string;
  readonly ask: string;
  readonly body: string;
}

export type ReplyHeaders = Record<string, string>;

/** One load fact and its proof, as the events of one create. */
export function loadBody(load: string, now: number): string {
  const fact = `fact(node_load(pve1,${load}),evidence(host,${now - 1_000},${now + SPREAD_MS}))`;
  return success(`[[pve1,${load},[step(1,${fact}),step(2,eval(>(${load},0.5))),step(3,query([1,2]))]]]`);
}

export function success(rows: string): string {
  return `create('1-2',[slave_limit(3),answer(destroy('1-2',success('1-2',${rows},['N','L'],0.001,false)))]).\n`;
}

export const NO_ANSWER = `create('1-2',[slave_limit(3),answer(destroy('1-2',failure('1-2',0.001)))]).\n`;

/** What an honest site takes from the question, and the rest of its statement. */
function partsFor(
  site: Pick<TestSite, 'name'>,
  { headers, body }: Asked,
  bundle: string,
): Omit<ReplyParts, 'body'> {
  const { ask } = JSON.parse(body) as { ask: string };
  return {
    site: site.name,
    now: Date.now(),
    revision: 7,
    bundle,
    nonce: String(headers['logic-nonce'] ?? ''),
    ask,
  };
}

function headersOf(parts: ReplyParts, key: string): ReplyHeaders {
  const { site, now, revision, bundle, nonce } = parts;
  return {
    'content-type': 'text/x-prolog',
    'logic-site': site,
    'logic-now': String(now),
    'logic-revision': String(revision),
    'logic-bundle': bundle,
    'logic-nonce': nonce,
    'logic-signature': signReply(parts, createPrivateKey(key)),
  };
}

export type Change = (parts: ReplyParts) => ReplyParts;
/** `before` happens at the site (and is signed), `after` on the way. */
export interface Tampering {
  readonly before?: Change;
  readonly after?: (reply: { headers: ReplyHeaders; body: string }) => {
    headers: ReplyHeaders;
    body: string;
  };
}

/** A handler that answers as `site()` with its load, with what a tampering makes of it. */
export function answering(
  site: () => TestSite,
  bundle: string,
  { before = (parts) => parts, after = (reply) => reply }: Tampering = {},
): Handler {
  return (stream, asked) => {
    const parts = partsFor(site(), asked, bundle);
    const said = before({ ...parts, body: loadBody('0.75', parts.now) });
    const { headers, body } = after({ headers: headersOf(said, site().key), body: said.body });
    stream.respond({ ':status': 200, 'content-length': Buffer.byteLength(body), ...headers });
    stream.end(body);
  };
}
