/** `logic-fleet serve`: a coordinator as a program. The server is loaded only when it is to run. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { fail } from '../client.ts';
import { parseListen, parseTls } from '../config.ts';
import type { Served } from '../coordinator.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** The one that comes along. */
const MODEL = join(ROOT, 'node-agent', 'llm', 'models', 'translator.gguf');

interface ServeFlags {
  readonly data: string;
  readonly listen: string;
  readonly tls?: string;
  readonly public?: string;
  readonly kb: string;
  readonly followParent?: boolean;
  readonly llmSocket?: string;
  readonly llmModel: string;
}

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('run a coordinator: plain HTTP on loopback, and TLS where told')
    .option('--data <dir>', 'registry, authority and keys', join('.data', 'coordinator'))
    .option(
      '--listen <host:port>',
      'loopback address of its HTTP side; port 0 takes a free one',
      '127.0.0.1:8080',
    )
    .option('--tls <host:port>', 'TLS, where sites join and holders of a token call; port 0 takes a free one')
    .option('--public <host:port>', 'where others reach --tls, if that is another address')
    .option('--kb <dir>', 'folder with manifest.json', join(ROOT, 'kb'))
    .option(
      '--llm-socket <file>',
      'translate sentences by what listens there: logic-semantic or llama-server (default: the sites translate)',
    )
    .option('--llm-model <file>', 'with it: the model, for the NAME.json beside it', MODEL)
    .option('--follow-parent', 'end when standard input ends')
    .action(serveCommand);
}

async function serveCommand(flags: ServeFlags): Promise<void> {
  const listen = parseListen(flags.listen);
  const tls = parseTls(flags.tls, flags.public);
  const { startCoordinator } = await import('../coordinator.ts');
  const llm = flags.llmSocket === undefined ? null : { socket: flags.llmSocket, model: flags.llmModel };
  const coordinator = await startCoordinator({ data: flags.data, kb: flags.kb, listen, tls, llm });
  endOnSignals(coordinator, flags.followParent === true);
  process.stdout.write(
    `${JSON.stringify({ ready: true, http: coordinator.url, tls: coordinator.tls, pid: process.pid })}\n`,
  );
}

/** Closes once on SIGINT, SIGTERM, or the end of standard input; a second signal ends the process as it is. */
function endOnSignals(coordinator: Served, followParent: boolean): void {
  const end = () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
    coordinator.close().then(
      () => process.exit(0),
      (cause) => fail(cause, false),
    );
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (followParent) process.stdin.on('end', end).on('error', end).resume();
}
