/**
 * The command line of `logic-node`: init, join, serve, ask, translations, why, why-not, alerts, observe, token. Each command loads only what it needs, so that an idle site
 * does not carry the others. What a script reads goes to standard output, everything else to standard error.
 */

import type { Role } from '@fleet/shared/tokens.ts';
import { Command, Option } from 'commander';
import type { AskFlags } from './ask-command.ts';
import type { ServeFlags } from './config.ts';
import type { JoinFlags } from './join-command.ts';
import type { TokenFlags } from './token-command.ts';

const program = new Command('logic-node')
  .description('The logic node of one site: answers questions about it, with proofs.')
  .showHelpAfterError();

const assume = () =>
  new Option('--assume <fact>', "what if: a fact that is to hold, or '\\+ fact' (may be repeated)").argParser(
    (value: string, before: readonly string[] = []) => [...before, value],
  );
const json = () => new Option('--json', 'the result as JSON, on the last line of standard output');
const url = () => new Option('--url <url>', "the site's plain HTTP address");
const data = () => new Option('--data <dir>', 'folder of a local fleet').default('.data');
const which = () => new Option('--site <name>', 'which site of the local fleet');

program
  .command('init')
  .description("make or bring up to date a site's folder: rules, inventory, key, certificate request")
  .requiredOption('--data <dir>', "the site's folder")
  .requiredOption('--site <name>', "the site's name, a DNS label")
  .addOption(
    new Option('--inventory <kind>', 'this machine, or made up').choices(['host', 'sample']).default('host'),
  )
  .option('--seed <n>', 'which sample inventory', '1')
  .action(async (flags: InitFlags) => end(await init(flags)));

program
  .command('join')
  .description(
    'become a site of the fleet that invited this machine: makes a key here, and gets a certificate for it',
  )
  .argument('<invitation>', 'what logic-fleet invite NAME printed')
  .option('--data <dir>', "the site's folder", '/var/lib/logic-node')
  .option(
    '--address <host:port>',
    'where the coordinator reaches this site (default: where it sees this machine)',
  )
  .action(async (invitation: string, flags: JoinFlags) => {
    const { joinFleet } = await import('./join-command.ts');
    end(await joinFleet(invitation, flags));
  });

program
  .command('serve')
  .description('run the site')
  .option('--kb-path <file>', 'main.pl of the knowledge base (default: kb/main.pl of the data folder)')
  .option('--site <name>', "the site's name (default: this machine's)")
  .option('--data <dir>', 'journal, certificates, sockets (default: /var/lib/logic-node)')
  .option(
    '--listen <host:port>',
    'TLS for a site of a fleet or with the three flags below; else plain HTTP on loopback',
  )
  .option('--http <host:port>', 'plain HTTP on loopback, beside TLS')
  .option('--tls-cert <file>', "this site's certificate, PEM")
  .option('--tls-key <file>', 'its key, PEM')
  .option('--tls-ca <file>', 'the authority whose coordinators may ask, PEM')
  .option('--address <host:port>', 'of a site of a fleet: where its coordinator reaches it')
  .option('--metrics-addr <host:port>', 'serve /healthz there')
  .option(
    '--llm-socket <file>',
    'translate by what listens there: logic-semantic or llama-server (default: a process of its own)',
  )
  .option(
    '--llm-model <file>',
    'a GGUF with its NAME.json beside it; none for no translation (default: the one that comes along)',
  )
  .option('--llm-threads <n>', 'of its own process (default: 1, all for an instruct model)')
  .option('--llm-context <tokens>', 'of its own process, prompt and reply together')
  .option('--collector <kind>', 'host, sample or none', 'host')
  .option('--seed <n>', 'how the sample collector moves', '1')
  .option('--follow-parent', 'end when standard input ends')
  .action(async (flags: ServeFlags) => {
    const { serve } = await import('./serve-command.ts');
    end(await serve(flags));
  });

program
  .command('ask')
  .description(
    'ask a running site; exit status 0 complete, 3 partial, 2 refused query, with --say also 4 (did you mean ..?) and 5 (no query for it), 1 anything else',
  )
  .argument('[query]', "over the catalogue, such as 'node_status(Node, Status)'")
  .option(
    '--say <sentence>',
    "in plain words instead, such as 'which machines are about to throttle?'; with proofs",
  )
  .option('--prove', 'with proofs')
  .addOption(assume())
  .addOption(json())
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (query: string | undefined, flags: AskFlags, command: Command) => {
    const { ask, say } = await import('./ask-command.ts');
    if ((query === undefined) === (flags.say === undefined))
      command.error('error: give a query, or a sentence with --say');
    end(await (flags.say === undefined ? ask(query ?? '', flags) : say(flags.say, flags)));
  });

program
  .command('translations')
  .description(
    'print what the site kept of sentences, as JSON lines: those without a query, what was meant instead; the role operator',
  )
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (flags: AskFlags) => {
    const { translations } = await import('./ask-command.ts');
    end(await translations(flags));
  });

program
  .command('why')
  .description('each answer with its proof: rules with file and line, facts with source and age')
  .argument('<query>', "such as 'at_risk_of_throttling(Node)'")
  .addOption(assume())
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (query: string, flags: AskFlags) => {
    const { why } = await import('./ask-command.ts');
    end(await why(query, flags));
  });

program
  .command('why-not')
  .description('what keeps a goal without variables from holding')
  .argument('<goal>', "such as 'can_host(pve1, web)'")
  .addOption(assume())
  .addOption(json())
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (query: string, flags: AskFlags) => {
    const { whyNot } = await import('./ask-command.ts');
    end(await whyNot(query, flags));
  });

program
  .command('alerts')
  .description('what is active, and what changed last')
  .option('--history <n>', 'how many of the last changes', '20')
  .addOption(json())
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (flags: AskFlags & { history: string }) => {
    const { alerts } = await import('./ask-command.ts');
    end(await alerts(flags));
  });

program
  .command('observe')
  .description(
    'vouch for a fact of the state; with the role operator (LOGIC_TOKEN) where the site asks for one',
  )
  .argument('<fact>', "such as 'node_maintenance(pve1, true)'")
  .requiredOption('--for <seconds>', 'how long it is evidence')
  .addOption(json())
  .addOption(url())
  .addOption(data())
  .addOption(which())
  .action(async (fact: string, flags: AskFlags & { for: string }) => {
    const { observe } = await import('./ask-command.ts');
    end(await observe(fact, flags));
  });

const token = program
  .command('token')
  .description('tokens of people and scripts: viewer asks, operator observes too');
token
  .command('create')
  .description('make a token and print it, this once')
  .argument('<name>', 'a-z, 0-9 and -')
  .addOption(new Option('--role <role>').choices(['viewer', 'operator', 'admin']).default('viewer'))
  .requiredOption('--data <dir>', "the site's folder")
  .action(async (name: string, flags: TokenFlags & { role: Role }) => {
    const { createToken } = await import('./token-command.ts');
    end(await createToken(name, flags));
  });
token
  .command('list')
  .requiredOption('--data <dir>', "the site's folder")
  .action(async (flags: TokenFlags) => {
    const { listTokens } = await import('./token-command.ts');
    end(await listTokens(flags));
  });
token
  .command('revoke')
  .argument('<name>')
  .requiredOption('--data <dir>', "the site's folder")
  .action(async (name: string, flags: TokenFlags) => {
    const { revokeToken } = await import('./token-command.ts');
    end(await revokeToken(name, flags));
  });

interface InitFlags {
  readonly data: string;
  readonly site: string;
  readonly inventory: 'host' | 'sample';
  readonly seed: string;
}

async function init(flags: InitFlags): Promise<number> {
  const [{ initSite }, { readSite, readSeed }, { reportError }] = await Promise.all([
    import('./init.ts'),
    import('./config.ts'),
    import('./report.ts'),
  ]);
  try {
    const { inventory } = flags;
    const made = await initSite({
      data: flags.data,
      site: readSite(flags.site),
      inventory,
      seed: readSeed(flags.seed),
    });
    process.stderr.write(`site folder ready: ${flags.data}\ncertificate request: ${made.request}\n`);
    return 0;
  } catch (cause) {
    return reportError(cause);
  }
}

/** A command that is done leaves by itself: nothing may be cut off on its way to a pipe. */
function end(status: number): void {
  process.exitCode = status;
}

await program.parseAsync();
