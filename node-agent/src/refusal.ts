/**
 * What a request is told that no route answers: the same body for every protocol, so that a tRPC client, a Pengine client and a
 * person each find the code in it.
 */
import { ERRORS, type LogicError } from '@fleet/shared/errors.ts';

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

export function refusalOf({ code, message }: LogicError): Refusal {
  const { http, trpc, advice } = ERRORS[code];
  const data = { code: trpc, httpStatus: http, logic: { code, advice } };
  const error = { message, code: TRPC_NUMBERS[trpc] ?? -32_603, data };
  return {
    status: http,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    body: JSON.stringify({ event: 'error', code, data: message, advice, error }),
  };
}

/** JSON-RPC numbers of the codes that arise outside of a route. */
const TRPC_NUMBERS: Readonly<Record<string, number>> = {
  BAD_REQUEST: -32_600,
  UNAUTHORIZED: -32_001,
  FORBIDDEN: -32_003,
  NOT_FOUND: -32_004,
  PAYLOAD_TOO_LARGE: -32_013,
};
