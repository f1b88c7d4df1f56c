/** `logic-node token`: make, list and revoke the tokens of a site. Works on the data folder; the agent may run meanwhile. */
import { resolve } from 'node:path';
import { type Role, Tokens } from '@fleet/shared/tokens.ts';
import { reportError } from './report.ts';
import { realWorld } from './world.ts';

export interface TokenFlags {
  readonly data: string;
}

/** Prints the token, alone on standard output: it is shown this once. */
export async function createToken(
  name: string,
  flags: TokenFlags & { readonly role: Role },
): Promise<number> {
  return run(flags, (tokens) => {
    const token = tokens.create(name, flags.role);
    process.stderr.write(`${name} may act as ${flags.role}. Keep this, it is not shown again:\n`);
    process.stdout.write(`${token}\n`);
  });
}

export async function listTokens(flags: TokenFlags): Promise<number> {
  return run(flags, (tokens) => {
    const all = tokens.list();
    if (all.length === 0) process.stderr.write('No tokens.\n');
    for (const { name, role, createdAt } of all)
      process.stdout.write(`${name}  ${role}  made ${new Date(createdAt).toISOString()}\n`);
  });
}

export async function revokeToken(name: string, flags: TokenFlags): Promise<number> {
  return run(flags, (tokens) => {
    tokens.revoke(name);
    process.stderr.write(`${name} is revoked.\n`);
  });
}

function run({ data }: TokenFlags, act: (tokens: Tokens) => void): number {
  try {
    act(new Tokens(resolve(data), realWorld));
    return 0;
  } catch (cause) {
    return reportError(cause);
  }
}
