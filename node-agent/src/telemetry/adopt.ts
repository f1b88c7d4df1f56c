/**
 * What a start makes of the state's text, before the engine loads it.
 *
 * - The text that was written last: nothing to do.
 * - No text: the last one that the journal keeps, else what the journal's batches still say.
 * - Another text, while the journal knows what was written: an operator edited it. What he changed becomes one batch, a new
 *   revision with source `operator`; then the text that he edited is put back, and the engine reaches his through the
 *   journal like anything else. So observations that the text did not hold yet are not lost by the edit, and nothing is
 *   journaled twice if the start ends half-way.
 * - A text, and no journal, or one from an older backup than the text: the text is all there is, and is taken as it stands.
 *
 * An edited fact with evidence that the operator wrote himself holds for as long as that says. Without, or with the evidence
 * of the value that he replaced, it holds for OPERATOR_VALID_MS from this start. Telemetry that sees the same fact takes
 * over, as always.
 */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Manifest } from '@fleet/shared/catalogue.ts';
import { OPERATOR_VALID_MS } from '@fleet/shared/limits.ts';
import { writeAtom } from '@fleet/shared/term.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import type { FileOperations } from './files.ts';
import type { Journal, JournalRow, KeptText } from './journal.ts';
import { type Evidence, type ReadState, readState, type StatedFact } from './read-state.ts';
import { digestOf, keptText, replaceFile } from './state-text.ts';

export interface AdoptParts {
  /** Path of `kb/state/state.pl`. */
  readonly file: string;
  readonly files: FileOperations;
  readonly journal: Journal;
  readonly manifest: Manifest;
  readonly world: World;
  readonly log: Logger;
}

/** Throws `bad_fact` with file and line for an edit that cannot be read; then nothing is changed. */
export async function adoptText(parts: AdoptParts): Promise<void> {
  const { file, journal } = parts;
  const text = await textAt(file);
  const kept = journal.keptTexts();
  if (text === null) return restoreText(kept[0], parts);
  const digest = digestOf(text);
  if (kept.some((one) => one.digest === digest)) return journal.editReplaced();
  const edited = readState(text, file, parts.manifest);
  const base = kept.find(({ revision }) => revision === edited.revision) ?? kept[0];
  const isAhead = (edited.revision ?? 0) > journal.lastRevision;
  if (base === undefined || isAhead) await adoptWhole(text, edited, parts);
  else await adoptEdit({ text, edited, base }, parts);
  journal.editReplaced();
}

async function textAt(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw cause;
  }
}

async function restoreText(kept: KeptText | undefined, parts: AdoptParts): Promise<void> {
  const { file, files, journal, log } = parts;
  if (kept !== undefined) {
    log.warn({ file, revision: kept.revision }, 'the state text is missing: restored from the journal');
    return replaceFile(files, file, contentOf(kept));
  }
  const first = journal.firstRevision;
  if (first === null || first === 1) return;
  log.warn({ file, first }, 'the state text is missing: facts older than the journal are gone');
  await replaceFile(files, file, `% Restored from the journal alone.\nrevision(${first - 1}).\n`);
}

/** There is nothing to compare the text with: a lost journal, an older one, or one of a version that kept no texts. */
async function adoptWhole(text: string, read: ReadState, parts: AdoptParts): Promise<void> {
  const { file, files, journal, world } = parts;
  const revision = read.revision ?? journal.lastRevision;
  const proven = [...read.facts.values()].filter(({ evidence }) => evidence !== null);
  const added = [...read.facts.values()].filter(({ evidence }) => evidence === null);
  const base = await keptText(revision, textOf(revision, proven));
  journal.continueFrom(revision);
  journal.keepText(base);
  if (added.length > 0) {
    const rows = added.map(({ fact }) => operatorRow(fact, null, world.now()));
    journal.appendEdit(rows, world.now(), await keptText(revision, text));
  }
  await journal.durable();
  await replaceFile(files, file, contentOf(base));
}

interface Edit {
  readonly text: string;
  readonly edited: ReadState;
  readonly base: KeptText;
}

async function adoptEdit({ text, edited, base }: Edit, parts: AdoptParts): Promise<void> {
  const { file, files, journal, manifest, world, log } = parts;
  // An edit is still there where a start ended before it put the base back: what differs now is an edit of that one.
  const last = journal.lastEdit;
  if (last?.digest !== digestOf(text)) {
    const before = readState(contentOf(last ?? base), 'journal', manifest);
    const rows = changes(before, edited, world.now());
    if (rows.length > 0) {
      const revision = journal.appendEdit(rows, world.now(), await keptText(base.revision, text));
      log.warn(
        { file, revision, facts: rows.length },
        'the state text was edited: taken as an operator revision',
      );
    }
  }
  await journal.durable();
  await replaceFile(files, file, contentOf(base));
}

/** What the operator put and removed, in the order of the text. */
export function changes(before: ReadState, after: ReadState, now: number): JournalRow[] {
  const rows: JournalRow[] = [];
  for (const [place, { fact, evidence }] of after.facts) {
    const old = before.facts.get(place);
    if (old?.fact === fact && sameEvidence(old.evidence, evidence)) continue;
    rows.push(operatorRow(fact, sameEvidence(old?.evidence ?? null, evidence) ? null : evidence, now));
  }
  for (const [place, { fact }] of before.facts) {
    if (!after.facts.has(place)) rows.push({ ...operatorRow(fact, null, now), removed: true });
  }
  return rows;
}

function operatorRow(fact: string, evidence: Evidence | null, now: number): JournalRow {
  const { observedAt, validUntil } = evidence ?? { observedAt: now, validUntil: now + OPERATOR_VALID_MS };
  return { fact, source: 'operator', observedAt, validUntil };
}

function sameEvidence(a: Evidence | null, b: Evidence | null): boolean {
  return a?.source === b?.source && a?.observedAt === b?.observedAt && a?.validUntil === b?.validUntil;
}

function contentOf({ content }: KeptText): string {
  return gunzipSync(content).toString();
}

/** Facts with their evidence as the engine loads them; it writes its own text soon. */
function textOf(revision: number, facts: readonly StatedFact[]): string {
  const lines = facts.map(({ fact, evidence }) => {
    const { source, observedAt, validUntil } = evidence ?? { source: '', observedAt: 0, validUntil: 0 };
    return `${fact}.\nevidence(${fact},${writeAtom(source)},${observedAt},${validUntil}).\n`;
  });
  return `% The state of this site.\nrevision(${revision}).\n${lines.join('')}`;
}
