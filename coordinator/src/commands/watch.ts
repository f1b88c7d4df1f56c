/** `logic-fleet watch`: a question that stands; prints the whole once, then what changes, until it is ended. */
import type { SiteOutcome } from '@fleet/shared/api/ask.ts';
import type { WatchEvent } from '@fleet/shared/api/watch.ts';
import { follow, type LiveView } from '@fleet/shared/live.ts';
import { renderEvent } from '@fleet/shared/render-live.ts';
import type { Command } from 'commander';
import { type ClientFlags, findUrl, reporting, toLogicError } from '../client.ts';
import { connectLive, type LiveConnection } from '../live-client.ts';
import { clientOptions, collectNames, collectOne } from './options.ts';

interface WatchFlags extends ClientFlags {
  readonly site?: readonly string[];
  readonly where?: string;
  readonly prove: boolean;
  readonly assume?: readonly string[];
}

export function registerWatch(program: Command): void {
  const command = program
    .command('watch')
    .description('print what changes about the answer of a question, as it changes')
    .argument('<query>', "such as 'node_status(Node, down)'")
    .option('--site <name>', 'watch this site only (may be repeated)', collectNames)
    .option('--where <labels>', "targets by labels and names: 'region=eu; name=shop*'")
    .option('--assume <fact>', "what if: a fact that is to hold, or '\\+ fact' (may be repeated)", collectOne)
    .option('--no-prove', 'ask for no proofs: answers stand as unproved');
  clientOptions(command, 'one JSON object a line, one line an event').action(watchCommand);
}

async function watchCommand(query: string, flags: WatchFlags): Promise<void> {
  await reporting(flags, async () => {
    const url = await findUrl(flags);
    const live = await connectLive(url, {
      lost: () => process.stderr.write('logic-fleet: the coordinator is gone; trying again\n'),
      back: () => process.stderr.write('logic-fleet: the coordinator is back\n'),
    });
    // Whoever reads the output may have seen enough.
    process.stdout.on('error', () => process.exit(0));
    try {
      await Promise.race([live.failed, watchUntilEnded(live, query, flags)]);
    } catch (cause) {
      throw toLogicError(cause, url);
    } finally {
      live.close();
    }
  });
}

function watchUntilEnded({ client }: LiveConnection, query: string, flags: WatchFlags): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const input = {
    ...{ query, prove: flags.prove },
    ...(flags.assume && { assume: [...flags.assume] }),
    ...(flags.site && { sites: [...flags.site] }),
    ...(flags.where && { where: flags.where }),
  };
  const tell = flags.json ? (event: WatchEvent) => JSON.stringify(event) : renderer();
  client.fleet.watch.subscribe(input, {
    onData: (event) => void process.stdout.write(`${tell(event)}\n`),
    onError: reject,
    onComplete: resolve,
  });
  return promise;
}

/** Lines for people, which need to know what was before. */
function renderer(): (event: WatchEvent) => string {
  let view: LiveView = new Map();
  let variables: readonly string[] = [];
  return (event) => {
    if (event.kind === 'state') variables = event.variables;
    const before = (site: string): SiteOutcome | undefined => view.get(site)?.outcome;
    const lines = renderEvent(event, variables, before);
    view = follow(view, event);
    return lines.join('\n');
  };
}
