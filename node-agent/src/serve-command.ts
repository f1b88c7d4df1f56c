/**
 * `logic-node serve`: runs a site until it is told to stop, by a signal or (with --follow-parent) by the end of its
 * standard input. One JSON line on standard output says that it is ready and where.
 */
import { logTo } from '@fleet/shared/log.ts';
import { pino } from 'pino';
import { startAgent } from './agent.ts';
import { readConfig, type ServeFlags, type SiteConfig } from './config.ts';
import { reportError } from './report.ts';
import { diskFiles } from './telemetry/files.ts';
import { realWorld } from './world.ts';

/** Runs until stopped; the exit status. */
export async function serve(flags: ServeFlags): Promise<number> {
  try {
    const config = readConfig(flags);
    const stopping = stopRequest(config);
    const log = pino({ base: { site: config.site } }, logTo());
    const agent = await startAgent(config, { world: realWorld, files: diskFiles, log });
    const { http, https, engine } = agent;
    process.stdout.write(
      `${JSON.stringify({ ready: true, site: config.site, https, http, pid: process.pid, enginePid: engine.pid })}\n`,
    );
    log.info({ reason: await stopping.promise }, 'stopping');
    await agent.stop();
    stopping.done();
    return 0;
  } catch (cause) {
    return reportError(cause);
  }
}

interface StopRequest {
  readonly promise: Promise<string>;
  /** No longer listens, so that nothing holds the process. */
  done(): void;
}

function stopRequest({ followParent }: SiteConfig): StopRequest {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve(signal));
  if (followParent) {
    for (const event of ['end', 'close', 'error'])
      process.stdin.on(event, () => resolve('standard input ended'));
    process.stdin.resume();
  }
  return { promise, done: () => process.stdin.destroy() };
}
