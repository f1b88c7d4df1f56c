/**
 * Reads a site's inventory, the ground facts under kb/site, for what collectors need of it: which node this
 * machine is, and what a sample site consists of. Prolog reads and checks the same files by itself; what this
 * reader cannot read, Prolog refuses with file and line.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QUERY_TEXT_BYTES, TERM_DEPTH } from '@fleet/shared/limits.ts';
import { readTerm, type Term } from '@fleet/shared/term.ts';

export interface InventoryNode {
  readonly name: string;
  readonly nodeClass: string;
  /** MiB */
  readonly memory: number;
  readonly cluster: string | null;
}

export interface Inventory {
  readonly logicNode: string | null;
  readonly nodes: readonly InventoryNode[];
  /** Virtual machines with their memory in MiB. */
  readonly vms: readonly InventoryVm[];
  readonly upses: readonly string[];
}

export interface InventoryVm {
  readonly name: string;
  /** MiB */
  readonly memory: number;
  /** Where it is when telemetry does not say. */
  readonly home: string | null;
}

/** The inventory in a folder of `.pl` files. Throws `syntax_error` on a fact that is none of ours. */
export async function readInventory(folder: string): Promise<Inventory> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pl')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return toInventory(texts.flatMap(readFacts));
}

/** The facts of a text, one or more lines each. */
export function readFacts(text: string): Term[] {
  const facts: Term[] = [];
  let pending = '';
  for (const line of text.split('\n')) {
    const kept = line.replace(/^\s*%.*$/, '');
    if (kept.trim() === '') continue;
    pending += `${kept}\n`;
    if (!/\.\s*(%[^']*)?$/.test(kept)) continue;
    facts.push(readTerm(pending, { bytes: QUERY_TEXT_BYTES, depth: TERM_DEPTH }).term);
    pending = '';
  }
  return facts;
}

/** What the facts of an inventory say. */
export function toInventory(facts: readonly Term[]): Inventory {
  const rows = (name: string) => facts.map((fact) => valuesOf(fact, name)).filter((row) => row !== null);
  const second = (name: string) => new Map(rows(name).map(([key = '', value = '']) => [key, value]));
  const classes = second('node_class');
  const memory = second('node_memory');
  const clusters = new Map(rows('cluster_member').map(([cluster = '', node = '']) => [node, cluster]));
  const vmMemory = second('vm_memory');
  const homes = second('vm_home');
  return {
    logicNode: rows('logic_node')[0]?.[0] ?? null,
    nodes: rows('node').map(([name = '']) => ({
      name,
      nodeClass: classes.get(name) ?? 'generic',
      memory: Number(memory.get(name) ?? 4096),
      cluster: clusters.get(name) ?? null,
    })),
    vms: rows('vm').map(([name = '']) => ({
      name,
      memory: Number(vmMemory.get(name) ?? 1024),
      home: homes.get(name) ?? null,
    })),
    upses: rows('ups').map(([name = '']) => name),
  };
}

/** The arguments of a fact of that name, as text. */
function valuesOf(fact: Term, name: string): string[] | null {
  if (fact.kind !== 'compound' || fact.name !== name) return null;
  return fact.args.map((arg) => {
    if (arg.kind === 'atom') return arg.name;
    return arg.kind === 'int' || arg.kind === 'float' ? String(arg.value) : '';
  });
}
