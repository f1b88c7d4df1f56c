/**
 * Coordinators as sites of each other (docs/composition.md). These commands work on a coordinator's data folder, whether it runs or
 * not: `request` and `enrol-coordinator` at the upper one, `admit` and `expel` at the lower one, `accept-key` wherever a site's key changed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { collectLabels } from './options.ts';

interface DataFlags {
  readonly data: string;
}
interface AdmitFlags extends DataFlags {
  readonly request: string;
  readonly address: string;
}
interface EnrolFlags extends DataFlags {
  readonly introduction: string;
  readonly label?: Readonly<Record<string, string>>;
}

export function registerCompose(program: Command): void {
  command(program, 'request', 'print what a coordinator below needs in order to admit this one').action(
    request,
  );
  command(program, 'admit', 'let a coordinator above ask here: prints its introduction')
    .argument('<name>', 'what it is called here, a DNS label')
    .requiredOption('--request <file>', 'what logic-fleet request printed there')
    .requiredOption('--address <host:port>', "this coordinator's TLS listener, as that one reaches it")
    .action(admit);
  command(program, 'expel', 'let a coordinator above ask here no more').argument('<name>').action(expel);
  command(
    program,
    'enrol-coordinator',
    'make a coordinator a site: its sites are asked through it, as NAME/SITE',
  )
    .argument('<name>', 'a DNS label')
    .requiredOption('--introduction <file>', 'what logic-fleet admit printed there')
    .option('--label <key=value>', 'a label that all its sites have here (may be repeated)', collectLabels)
    .action(enrol);
  command(
    program,
    'accept-key',
    'take the key that a coordinator names for a site in the place of the one before',
  )
    .argument('<site>', 'such as lower/garage')
    .action(acceptKey);
}

function command(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--data <dir>', "the coordinator's data folder", join('.data', 'coordinator'));
}

/** The folder's parts, opened; what `use` returns is printed. */
async function withFolder(
  { data }: DataFlags,
  use: (folder: Awaited<ReturnType<typeof openFolder>>) => Promise<string>,
): Promise<void> {
  const folder = await openFolder(data);
  try {
    process.stdout.write(`${(await use(folder)).trimEnd()}\n`);
  } finally {
    folder.store.close();
    folder.registry.close();
  }
}

async function openFolder(data: string) {
  const [authorities, registries, stores, introduce, { coordinatorFiles }, { realWorld }] = await Promise.all(
    [
      import('../sites/authority.ts'),
      import('../sites/registry.ts'),
      import('../composition/store.ts'),
      import('../composition/introduce.ts'),
      import('../config.ts'),
      import('../world.ts'),
    ],
  );
  const files = coordinatorFiles(data);
  const authority = await authorities.openAuthority(files.authority);
  const registry = registries.openRegistry(files.registry);
  return {
    authority,
    registry,
    store: stores.openComposition(files.composition),
    introduce,
    world: realWorld,
  };
}

function request(flags: DataFlags): Promise<void> {
  return withFolder(flags, async ({ authority, introduce }) => introduce.requestOf(authority));
}

function admit(name: string, flags: AdmitFlags): Promise<void> {
  return withFolder(flags, async ({ authority, store, introduce }) => {
    const request = await readFile(flags.request, 'utf8');
    const { address } = flags;
    return JSON.stringify(await introduce.admitUpper({ authority, store, name, request, address }));
  });
}

function expel(name: string, flags: DataFlags): Promise<void> {
  return withFolder(flags, async ({ store }) => {
    store.expel(name);
    return `${name} may ask here no more.`;
  });
}

function enrol(name: string, flags: EnrolFlags): Promise<void> {
  return withFolder(flags, async ({ introduce, ...parts }) => {
    const introduction = await readFile(flags.introduction, 'utf8');
    const { label = {} } = flags;
    const { site, sites } = await introduce.enrolCoordinator({ ...parts, name, introduction, labels: label });
    return `${site.name} is a site: ${sites.added.length} behind it.`;
  });
}

function acceptKey(site: string, flags: DataFlags): Promise<void> {
  return withFolder(flags, async ({ store }) => {
    const [coordinator = '', ...path] = site.split('/');
    store.accept(coordinator, path.join('/'));
    return `${site} is asked again, and known by its new key.`;
  });
}
