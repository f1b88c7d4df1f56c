/** `ask` at a terminal: how many sites have answered, on standard error, while the rest is waited for. */
import type { FleetAskInput, FleetResult } from '@fleet/shared/api/ask.ts';
import { connectLive } from '../live-client.ts';

/** The answer, as `fleet.ask` gives it. Rejects as that does. */
export async function askWithProgress(url: string, input: FleetAskInput): Promise<FleetResult> {
  const live = await connectLive(url);
  let told = 0;
  const { promise, resolve, reject } = Promise.withResolvers<FleetResult>();
  live.client.fleet.stream.subscribe(input, {
    onData: (event) => {
      if (event.kind === 'end') return resolve(event.result);
      told += 1;
      process.stderr.write(
        `\r${told} ${told === 1 ? 'site' : 'sites'}, ${event.outcome.site}: ${event.outcome.outcome}\x1b[K`,
      );
    },
    onError: reject,
  });
  try {
    return await Promise.race([live.failed, promise]);
  } finally {
    if (told > 0) process.stderr.write('\r\x1b[K');
    live.close();
  }
}
