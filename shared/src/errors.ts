/**
 * The one error table. Every error that leaves a process carries a code of this table; the table says
 * its HTTP status, its tRPC code, whether asking again can help, and what the reader can do.
 * docs/errors.md and the Prolog side (kb/proof/errors) are tested to list the same codes.
 */

/** How a site's error counts in a fleet question (docs/protocol.md section 5). */
export type ErrorOutcome = 'refused' | 'rejected' | 'error' | 'timeout' | 'unreachable' | 'skipped';

interface ErrorRow {
  readonly http: number;
  readonly trpc:
    | 'PARSE_ERROR'
    | 'BAD_REQUEST'
    | 'UNAUTHORIZED'
    | 'FORBIDDEN'
    | 'NOT_FOUND'
    | 'PAYLOAD_TOO_LARGE'
    | 'TOO_MANY_REQUESTS'
    | 'TIMEOUT'
    | 'SERVICE_UNAVAILABLE'
    | 'INTERNAL_SERVER_ERROR'
    | 'UNPROCESSABLE_CONTENT';
  readonly retryable: boolean;
  readonly outcome: ErrorOutcome;
  readonly advice: string;
}

export const ERRORS = {
  syntax_error: {
    http: 400,
    trpc: 'PARSE_ERROR',
    retryable: false,
    outcome: 'refused',
    advice: 'Mend the query text at the place named.',
  },
  unknown_predicate: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Ask only what the catalogue lists; nothing else can be called.',
  },
  type_error: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Give the argument the type that the catalogue declares.',
  },
  mixed_arithmetic: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Integers and floats do not mix: write float(X).',
  },
  unbound_argument: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Put a goal that binds the variable before this one.',
  },
  free_variable: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Bind the variable before the negation or aggregate, or use it only inside.',
  },
  non_ground_answer: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Every answer variable needs a value: add a goal that binds it.',
  },
  forbidden_source: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Send no src_text or src_url: sites run their own rules only.',
  },
  bad_request: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'Send what docs/protocol.md describes.',
  },
  too_large: {
    http: 413,
    trpc: 'PAYLOAD_TOO_LARGE',
    retryable: false,
    outcome: 'refused',
    advice: 'Ask a smaller question.',
  },
  not_found: {
    http: 404,
    trpc: 'NOT_FOUND',
    retryable: false,
    outcome: 'refused',
    advice: 'Check the address or the id.',
  },
  unknown_site: {
    http: 404,
    trpc: 'NOT_FOUND',
    retryable: false,
    outcome: 'refused',
    advice: 'Name a site of the registry: logic-fleet sites lists them.',
  },
  loop: {
    http: 508,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice:
      'Coordinators are sites of each other in a circle: take one of them out of the registry where it closes.',
  },
  unauthorized: {
    http: 401,
    trpc: 'UNAUTHORIZED',
    retryable: false,
    outcome: 'refused',
    advice:
      'Send a token (LOGIC_TOKEN): logic-node token create makes one for a site, logic-fleet token create one for a coordinator.',
  },
  forbidden: {
    http: 403,
    trpc: 'FORBIDDEN',
    retryable: false,
    outcome: 'refused',
    advice: "Use a certificate with the coordinator's role, or a token with the role that is needed.",
  },
  busy: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    retryable: true,
    outcome: 'refused',
    advice: 'Ask again after the time named in retry-after.',
  },
  evaluation_error: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'The arithmetic has no value for a solution: guard it with a comparison.',
  },
  time_limit: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'The question ran past its time budget: narrow it.',
  },
  inference_limit: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'The question ran past its inference budget: narrow it.',
  },
  memory_limit: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'The question needed more stack than it may have: narrow it.',
  },
  no_placement: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice:
      'No node can take all of it: free one, or loosen what keeps machines apart. The message says what is missing.',
  },
  answer_limit: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'There are more answers than one question may give: narrow or count them.',
  },
  proof_limit: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'A proof has more steps than allowed: narrow the question or ask without proofs.',
  },
  cross_product: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'Let the goals of a join share a variable, or ask them one by one.',
  },
  join_too_large: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    retryable: false,
    outcome: 'refused',
    advice: 'Narrow the goals of the join, or its targets: logic-fleet explain shows what each costs.',
  },
  partial_coverage: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: 'See who is missing and why, ask again when they are back, or ask with mode partial.',
  },
  cancelled: {
    http: 408,
    trpc: 'TIMEOUT',
    retryable: true,
    outcome: 'error',
    advice: 'Whoever asked has left: ask again.',
  },
  engine_lost: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: "The site's Prolog ended while it answered and is being restarted: ask again.",
  },
  not_ready: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: 'The site is starting: ask again in a moment.',
  },
  semantic_unavailable: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice:
      'Ask it as a query: everything else works as before. docs/semantic.md says how the translator comes back.',
  },
  internal: {
    http: 500,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'error',
    advice: 'A fault of this program: its log has the detail.',
  },
  not_stored: {
    http: 507,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: "Nothing of it was taken: look at the data folder's disk, then send it again.",
  },
  history_not_kept: {
    http: 507,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: "The answer itself stands: look at the disk of the coordinator's data folder.",
  },
  history_broken: {
    http: 500,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'error',
    advice:
      'Keep the history as it is, with its checkpoint, and find out who changed it (docs/fleet-history.md).',
  },
  bad_setup: {
    http: 500,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'error',
    advice: 'Correct the command line or the data folder as the message says.',
  },
  bad_fact: {
    http: 400,
    trpc: 'BAD_REQUEST',
    retryable: false,
    outcome: 'refused',
    advice: 'A fact must be ground, of a declared predicate, and well typed.',
  },
  bundle_mismatch: {
    http: 500,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice:
      'The core rules differ from the manifest: install one bundle, or run npm run manifest after editing rules.',
  },
  bad_reply: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: 'The site sent what is no reply: look at its log and version.',
  },
  bad_signature: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: 'The reply was not signed by this site for this question: suspect the site or the path to it.',
  },
  bad_proof: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: 'A step of the proof does not hold: suspect the site.',
  },
  stale_evidence: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: "A proof rests on a fact past its validity: suspect the site's clock or engine.",
  },
  stale_revision: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: 'The site tells an older state than before: an old backup, a copy of the site, or a replay.',
  },
  clock_skew: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: false,
    outcome: 'rejected',
    advice: "Set the site's clock: it differs more than allowed.",
  },
  unreachable: {
    http: 502,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'unreachable',
    advice: "Nothing answers at the site's address: is the agent running?",
  },
  reply_lost: {
    http: 502,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice: 'The connection ended before the reply did: ask again.',
  },
  source_unreachable: {
    http: 502,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice:
      'Nothing answers where a collector reads: look at its address in collectors.json and at the machine.',
  },
  source_refused: {
    http: 502,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: true,
    outcome: 'error',
    advice:
      "A source and its collector do not trust each other: look at the token, its rights and the certificate's pin.",
  },
  source_unreadable: {
    http: 502,
    trpc: 'INTERNAL_SERVER_ERROR',
    retryable: true,
    outcome: 'error',
    advice: 'A source said what a collector cannot read: is it what collectors.json calls it?',
  },
  source_timeout: {
    http: 504,
    trpc: 'TIMEOUT',
    retryable: true,
    outcome: 'error',
    advice: 'A source did not answer in time: look at it, or set a longer timeoutMs.',
  },
  deadline: {
    http: 504,
    trpc: 'TIMEOUT',
    retryable: true,
    outcome: 'timeout',
    advice: 'No reply by the deadline: give more time or look at the site.',
  },
  bad_invitation: {
    http: 403,
    trpc: 'FORBIDDEN',
    retryable: false,
    outcome: 'refused',
    advice: 'Ask whoever runs the fleet for a new one: logic-fleet invite NAME prints it.',
  },
  wrong_fleet: {
    http: 502,
    trpc: 'SERVICE_UNAVAILABLE',
    retryable: false,
    outcome: 'unreachable',
    advice:
      'Nothing secret was sent. Check the address, and that this invitation or certificate is from that fleet.',
  },
  cloned: {
    http: 403,
    trpc: 'FORBIDDEN',
    retryable: false,
    outcome: 'rejected',
    advice:
      'Two machines share one key: stop the one that is not the site, then invite the site again (logic-fleet invite NAME).',
  },
  quarantined: {
    http: 403,
    trpc: 'FORBIDDEN',
    retryable: false,
    outcome: 'skipped',
    advice:
      'Find out why (logic-fleet sites shows the reason), then invite it again: logic-fleet invite NAME.',
  },
  revoked: {
    http: 403,
    trpc: 'FORBIDDEN',
    retryable: false,
    outcome: 'skipped',
    advice: 'The site is no member any more: logic-fleet invite NAME takes it back.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}

/** The one error class. `message` may be shown to anyone; `detail` is for the log of the process that threw. */
export class LogicError extends Error {
  readonly code: ErrorCode;
  readonly detail: unknown;
  /** What travels with the code, for programs: `partial_coverage` has the coverage. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, detail?: unknown, data: LogicError['data'] = {}) {
    super(message);
    this.name = 'LogicError';
    this.code = code;
    this.detail = detail;
    this.data = data;
  }
}

/** A `LogicError` as it is; anything else as `internal`, with the cause kept for the log. */
export function asLogicError(cause: unknown): LogicError {
  return cause instanceof LogicError
    ? cause
    : new LogicError('internal', 'An internal error occurred.', cause);
}
