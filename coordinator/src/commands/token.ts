/**
 * `logic-fleet token`: tokens of people and scripts at this coordinator. It works on the coordinator's data folder, on the machine of
 * the coordinator: the first token can come from nowhere else.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROLES, type Role, Tokens } from '@fleet/shared/tokens.ts';
import { type Command, Option } from 'commander';
import { secretOf } from '../access.ts';
import { coordinatorFiles } from '../config.ts';
import { realWorld } from '../world.ts';

interface TokenFlags {
  readonly data: string;
}

export function registerToken(program: Command): void {
  const token = program
    .command('token')
    .description('tokens of people and scripts: viewer asks, operator invites and labels, admin revokes');
  const data = () =>
    new Option('--data <dir>', "the coordinator's data folder").default(join('.data', 'coordinator'));
  token
    .command('create')
    .description('make a token and print it, this once')
    .argument('<name>', 'a-z, 0-9 and -')
    .addOption(new Option('--role <role>').choices(ROLES).default('viewer'))
    .addOption(data())
    .action((name: string, flags: TokenFlags & { readonly role: Role }) => {
      const made = open(flags).create(name, flags.role);
      process.stdout.write(`${made}\n`);
      process.stderr.write(
        `\n${name} may act as ${flags.role}. Keep it, it is not shown again. With a coordinator that serves TLS:\n` +
          `  LOGIC_TOKEN=… logic-fleet sites --url https://HOST:PORT --ca ${coordinatorFiles(flags.data).authority}/authority.pem\n`,
      );
    });
  token
    .command('list')
    .description('names, roles and since when')
    .addOption(data())
    .action((flags: TokenFlags) => {
      const all = open(flags).list();
      if (all.length === 0) process.stderr.write('No tokens.\n');
      for (const { name, role, createdAt } of all)
        process.stdout.write(`${name}  ${role}  made ${new Date(createdAt).toISOString()}\n`);
    });
  token
    .command('revoke')
    .description('refuse a token from now on')
    .argument('<name>')
    .addOption(data())
    .action((name: string, flags: TokenFlags) => {
      open(flags).revoke(name);
      process.stderr.write(`${name} is revoked.\n`);
    });
}

function open({ data }: TokenFlags): Tokens {
  const folder = resolve(data);
  mkdirSync(folder, { recursive: true });
  return new Tokens(folder, { ...realWorld, secret: () => secretOf(realWorld) });
}
