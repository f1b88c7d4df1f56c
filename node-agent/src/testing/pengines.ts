/** For tests: pengines over plain HTTP, as a client without a library asks for them. */

export interface PengineEvent {
  readonly event: string;
  readonly id: string;
  readonly code?: string;
  readonly data?: unknown;
  readonly arg2?: string;
  readonly more?: boolean;
  readonly answer?: PengineEvent;
}

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** `path` is what follows /pengine/. */
export function postPengine(
  url: string,
  path: string,
  body: string,
  { headers, ...rest }: PostOptions = {},
): Promise<Response> {
  return fetch(`${url}/pengine/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
    ...rest,
  });
}

/** With answers as JSON unless `keys` says otherwise. */
export async function createPengine(
  url: string,
  keys: Readonly<Record<string, unknown>>,
): Promise<PengineEvent> {
  const reply = await postPengine(url, 'create', JSON.stringify({ format: 'json', ...keys }));
  return reply.json() as Promise<PengineEvent>;
}

export async function sendPengine(url: string, id: string, event: string): Promise<PengineEvent> {
  const headers = { 'content-type': 'application/x-prolog' };
  const reply = await postPengine(url, `send?id=${id}&format=json`, event, { headers });
  return reply.json() as Promise<PengineEvent>;
}
