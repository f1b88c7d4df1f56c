/**
 * `collectors.json` of the data folder: what a site watches besides its own machine (docs/collectors.md). Read once, at start,
 * against the inventory: a collector for a node that nobody knows would give facts that no rule ever looks at.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import {
  COLLECT_EVERY_LEAST_MS,
  COLLECT_EVERY_MOST_MS,
  COLLECT_EVERY_MS,
  COLLECT_TIMEOUT_MS,
  COLLECTORS,
  COLLECTORS_FILE_BYTES,
  MOUNTS_OF_A_NODE,
  NAME_CHARACTERS,
} from '@fleet/shared/limits.ts';
import { badSettings, readSettings } from '@fleet/shared/settings.ts';
import { z } from 'zod';
import type { Inventory } from '../../inventory.ts';
import type { CollectorPlan } from '../collectors.ts';
import { type Collector, isName } from '../observation.ts';
import type { Trust } from './http.ts';
import { nodeExporterCollector } from './node-exporter.ts';
import { nutCollector, UPS_NAME } from './nut.ts';
import { proxmoxCollector } from './proxmox.ts';

/** The name of a thing in the inventory. */
const name = z.string().min(1).max(NAME_CHARACTERS).refine(isName, 'no name that a fact may have');
const url = z.url({ protocol: /^https?$/ }).transform((text) => new URL(text));
const httpsUrl = z.url({ protocol: /^https$/, error: 'no https URL' }).transform((text) => new URL(text));
const paced = {
  everyMs: z.int().min(COLLECT_EVERY_LEAST_MS).max(COLLECT_EVERY_MOST_MS).default(COLLECT_EVERY_MS),
  timeoutMs: z.int().min(100).max(COLLECT_EVERY_MOST_MS).default(COLLECT_TIMEOUT_MS),
};
const tls = z
  .strictObject({
    fingerprint: z
      .string()
      .regex(
        /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/,
        'a SHA-256 fingerprint is 32 pairs of hex digits and colons',
      )
      .transform((text) => text.toUpperCase())
      .optional(),
    /** A PEM file, relative to the data folder or absolute. */
    ca: z.string().optional(),
  })
  .refine(
    ({ fingerprint, ca }) => fingerprint === undefined || ca === undefined,
    'a fingerprint or an authority, not both',
  )
  .default({});
/** Inventory names by the source's own; null leaves one out. */
const names = z.record(z.string(), name.nullable()).default({});

const entry = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('node_exporter'),
    node: name,
    url,
    tls,
    downWhenRefused: z.boolean().default(false),
    mounts: z.array(z.string().startsWith('/')).max(MOUNTS_OF_A_NODE).nullable().default(null),
    ...paced,
  }),
  z.strictObject({
    kind: z.literal('nut'),
    host: z.string().min(1).default('127.0.0.1'),
    port: z.int().min(1).max(65_535).default(3493),
    upses: z.record(z.string().regex(UPS_NAME), name).nullable().default(null),
    ...paced,
  }),
  z.strictObject({
    kind: z.literal('proxmox'),
    /** Never in the clear: a token goes along. */
    url: httpsUrl,
    tls,
    tokenFile: z.string().min(1),
    nodes: names,
    vms: names,
    ...paced,
  }),
]);
type Entry = z.infer<typeof entry>;
type Watched = Exclude<Entry, { kind: 'nut' }>;

const settings = z.strictObject({ collectors: z.array(entry).max(COLLECTORS).default([]) });

/** What the file asks for; nothing where there is none. Throws `bad_setup` with file and field. */
export function readCollectorPlans(data: string, inventory: Inventory): CollectorPlan[] {
  const file = join(data, 'collectors.json');
  const entries = readSettings(file, COLLECTORS_FILE_BYTES, settings)?.collectors ?? [];
  const nodes = new Set(inventory.nodes.map(({ name: node }) => node));
  const sources = new Set<string>();
  return entries.map((one, index) => {
    const at = `collectors.${index}`;
    const source = sourceOf(one);
    if (sources.has(source)) throw badSettings(file, `${at}: ${source} is watched by another one`);
    sources.add(source);
    for (const node of nodesOf(one))
      if (!nodes.has(node)) throw badSettings(file, `${at}: there is no node ${node} in the inventory`);
    return {
      collector: collectorOf(one, source, { data, file, at }),
      everyMs: one.everyMs,
      timeoutMs: one.timeoutMs,
    };
  });
}

/** Evidence names it, and so does the log: what is watched, by what. */
function sourceOf(one: Entry): string {
  if (one.kind === 'node_exporter') return `node_exporter:${one.node}`;
  return one.kind === 'nut' ? `nut:${one.host}:${one.port}` : `proxmox:${one.url.host}`;
}

function nodesOf(one: Entry): string[] {
  if (one.kind === 'node_exporter') return [one.node];
  return one.kind === 'proxmox' ? Object.values(one.nodes).filter((node) => node !== null) : [];
}

interface Place {
  readonly data: string;
  readonly file: string;
  /** The entry. */
  readonly at: string;
}

function collectorOf(one: Entry, source: string, place: Place): Collector {
  if (one.kind === 'nut')
    return nutCollector({
      ...one,
      source,
      upses: one.upses === null ? null : new Map(Object.entries(one.upses)),
    });
  const trust = trustOf(one, place);
  if (one.kind === 'node_exporter') return nodeExporterCollector({ ...one, source, trust });
  return proxmoxCollector({
    ...one,
    source,
    trust,
    tokenFile: inData(one.tokenFile, place),
    nodes: new Map(Object.entries(one.nodes)),
    vms: new Map(Object.entries(one.vms)),
  });
}

function trustOf({ tls: { fingerprint, ca }, url: { protocol } }: Watched, place: Place): Trust {
  const { file, at } = place;
  if (protocol === 'http:' && (fingerprint ?? ca) !== undefined)
    throw badSettings(file, `${at}.tls: the url is not https, so nothing would be checked`);
  if (ca === undefined) return { fingerprint };
  try {
    const pem = readFileSync(inData(ca, place), 'utf8');
    new X509Certificate(pem);
    return { ca: pem };
  } catch (cause) {
    throw badSettings(file, `${at}.tls.ca: ${ca}: no PEM certificate can be read there`, cause);
  }
}

function inData(path: string, { data }: Place): string {
  return isAbsolute(path) ? path : join(data, path);
}
