/** `logic-fleet enrol-stock`: a Pengine server without an agent becomes a site. It writes into the registry, coordinator or no coordinator. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { collectLabels } from './options.ts';

interface EnrolFlags {
  readonly url: string;
  readonly data: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly insecurePlain?: boolean;
}

export function registerEnrolStock(program: Command): void {
  program
    .command('enrol-stock')
    .description('enrol a stock SWI-Prolog Pengine server as a site; its answers stand as unproved')
    .argument('<name>', 'a DNS label')
    .requiredOption('--url <url>', 'https://host:port, or http://host:port on this machine')
    .option('--label <key=value>', 'a label of the site (may be repeated)', collectLabels)
    .option('--insecure-plain', 'plain HTTP to another machine: anyone on the way reads and writes it')
    .option('--data <dir>', "the coordinator's data folder", join('.data', 'coordinator'))
    .action(enrolStockCommand);
}

async function enrolStockCommand(site: string, flags: EnrolFlags): Promise<void> {
  const [{ openRegistry }, { enrolStock }, { coordinatorFiles }] = await Promise.all([
    import('../sites/registry.ts'),
    import('../sites/stock.ts'),
    import('../config.ts'),
  ]);
  const registry = openRegistry(coordinatorFiles(flags.data).registry);
  try {
    const { url, label = {}, insecurePlain = false } = flags;
    const { name, address } = enrolStock({ registry, site, url, labels: label, insecurePlain });
    process.stdout.write(
      `${name} is a site: ${address}. Nobody signs its answers: they stand as unproved.\n`,
    );
    if (insecurePlain && address.startsWith('http:'))
      process.stderr.write(
        'logic-fleet: in plain text: whoever is on the way reads and writes what it says\n',
      );
  } finally {
    registry.close();
  }
}
