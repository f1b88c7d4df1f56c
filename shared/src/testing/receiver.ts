/** For tests: a webhook's receiver, which takes, refuses or ignores what it is sent. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebhookMessage } from '../alerts/webhook.ts';

export interface Received {
  readonly id: string;
  readonly message: WebhookMessage;
  /** What it was answered. */
  readonly answer: Answer;
}

/** A status, no answer at all, or the end of the connection. */
export type Answer = number | 'hang' | 'reset';

export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** In the order of arrival. */
  readonly received: readonly Received[];
  /** What it took, each once. */
  taken(): WebhookMessage[];
  /** The next calls are answered so, those after them with 200. */
  answerWith(...answers: readonly Answer[]): void;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback, or on the one given. */
export async function openReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const answers: Answer[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const answer = answers.shift() ?? 200;
    received.push({ id: String(request.headers['logic-delivery']), message: JSON.parse(body), answer });
    give(answer, response);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${own}/hook?key=secret`,
    port: own,
    received,
    taken: () => [
      ...new Map(
        received.filter(({ answer }) => answer === 200).map(({ id, message }) => [id, message]),
      ).values(),
    ],
    answerWith: (...more) => void answers.push(...more),
    close,
  };
}

function give(answer: Answer, response: ServerResponse): void {
  if (answer === 'hang') return;
  if (answer === 'reset') response.destroy();
  else response.writeHead(answer).end();
}
