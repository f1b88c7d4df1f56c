/**
 * `npm run site`: this machine as one logic node, alone. No coordinator, no certificates to issue:
 * plain HTTP on loopback, where `npx logic-node ask` finds it. Flags that are not ours go to
 * `logic-node serve` as they are.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { endWithParent, ROOT } from '../../shared/launch.mjs';
import { FolderInUse, takeDataFolder } from './data-folder.ts';
import { initLocalSite } from './membership.ts';
import { dataFlag, readSiteOptions, UsageError } from './options.ts';
import { type Service, startService } from './service.ts';
import { hostSite, type LocalSite } from './sites.ts';
import { stopSignal } from './stop-signal.ts';

const siteReady = z.object({
  site: z.string(),
  https: z.url().nullable(),
  http: z.url().nullable(),
  pid: z.int(),
  enginePid: z.int().nullable(),
});

const say = (text: string) => process.stderr.write(`${text}\n`);

endWithParent();
process.exitCode = await run(process.argv.slice(2)).catch((cause: unknown) => {
  const known = cause instanceof UsageError || cause instanceof FolderInUse;
  say(known ? cause.message : `npm run site: ${cause instanceof Error ? cause.message : cause}`);
  return 1;
});

async function run(args: readonly string[]): Promise<number> {
  const { data, port, rest } = readSiteOptions(args);
  const stopped = stopSignal();
  const folder = takeDataFolder(data);
  let agent: Service | null = null;
  try {
    const site = hostSite(data);
    await initLocalSite(site);
    say(`- starting ${site.name}: this machine, its real telemetry`);
    agent = startAgent(site, port, rest);
    stopped.signal.addEventListener('abort', () => void agent?.stop(), { once: true });
    const { http, https, pid, enginePid } = siteReady.parse(await agent.ready);
    folder.publish({
      coordinator: null,
      sites: [{ name: site.name, http, https, pid, enginePid, data: site.data }],
    });
    process.stdout.write(
      `\n${site.name} is up: ${http ?? https}\n\n  npx logic-node ask 'node_status(Node, Status)'${dataFlag(data)}\n\nCtrl-C stops it.\n`,
    );
    const how = await agent.ended;
    if (!stopped.signal.aborted) say(`${site.name} ${how}`);
    return stopped.signal.aborted ? 0 : 1;
  } catch (cause) {
    if (stopped.signal.aborted) return stopped.status();
    throw cause;
  } finally {
    await agent?.stop();
    folder.release();
    stopped.release();
  }
}

function startAgent(site: LocalSite, port: number, rest: readonly string[]): Service {
  return startService({
    name: `site ${site.name}`,
    entry: join(ROOT, 'node-agent/src/main.ts'),
    args: [
      'serve',
      '--kb-path',
      join(site.data, 'kb', 'main.pl'),
      '--site',
      site.name,
      '--data',
      site.data,
      '--http',
      `127.0.0.1:${port}`,
      '--collector',
      'host',
      '--follow-parent',
      ...rest,
    ],
    log: null,
  });
}
