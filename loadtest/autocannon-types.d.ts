/** The part of the npm package `autocannon` that the load test uses; the package brings no types. */
declare module 'autocannon' {
  namespace autocannon {
    interface Request {
      readonly method: 'GET' | 'POST';
      /** With its query string. */
      readonly path: string;
      readonly body?: string;
      /** Called before the request is sent and after its reply, with what this connection keeps. */
      readonly setupRequest?: (request: Request, context: { began?: number }) => Request;
      readonly onResponse?: (status: number, body: string, context: { began?: number }) => void;
    }
  }
  interface Options {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Seconds that one request may take. */
    readonly timeout: number;
    /** Each connection sends them one after another, over and over. */
    readonly requests: readonly autocannon.Request[];
  }
  interface Result {
    readonly requests: { readonly average: number; readonly total: number };
    /** Milliseconds. */
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly errors: number;
    readonly non2xx: number;
  }
  function autocannon(options: Options): Promise<Result>;
  export default autocannon;
}
