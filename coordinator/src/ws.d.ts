/** The part of the package `ws` that websocket.ts uses; tRPC's adapter brings no types for it. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  export interface WebSocket extends EventEmitter {
    /** Bytes that were sent and have not left this process. */
    readonly bufferedAmount: number;
    close(code?: number): void;
    terminate(): void;
  }

  export class WebSocketServer extends EventEmitter {
    readonly clients: ReadonlySet<WebSocket>;
    constructor(options: { noServer: true; maxPayload: number; clientTracking?: boolean });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (client: WebSocket) => void,
    ): void;
    close(done?: () => void): void;
  }
}
