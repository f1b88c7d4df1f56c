/**
 * The coordinator's own translator, where it was given a model that runs behind a socket (`--llm-socket`): logic-semantic or llama-server. It
 * knows the names of all sites, collected by the questions that a site asks itself, a minute old at most; they are asked apart from other
 * questions, one at a time, and are no part of the history.
 */
import { LogicError } from '@fleet/shared/errors.ts';
import { FLEET_NAMES_MS } from '@fleet/shared/limits.ts';
import { completionOver } from '@fleet/shared/semantic/completion.ts';
import { TranslationLog } from '@fleet/shared/semantic/log.ts';
import { readModelSettings, tempoOf } from '@fleet/shared/semantic/model.ts';
import { collectNames } from '@fleet/shared/semantic/names.ts';
import { Sentences } from '@fleet/shared/semantic/sentences.ts';
import type { NameTable } from '@fleet/shared/semantic/tag.ts';
import { modelTranslator } from '@fleet/shared/semantic/translator.ts';
import type { Logger } from 'pino';
import { admit, openGate } from './admit.ts';
import { askFleet, type Fleet } from './pipeline.ts';

export interface OwnModel {
  /** Unix socket that speaks llama.cpp's completion API. */
  readonly socket: string;
  /** The model's file: what stands beside it says how it is asked. */
  readonly model: string;
}

export interface OwnParts {
  /** The coordinator's data folder: the log lies there. */
  readonly data: string;
  readonly log: Logger;
}

/** Throws `bad_setup` where nothing stands beside the model. */
export function ownSentences(fleet: Fleet, { socket, model }: OwnModel, { data, log }: OwnParts): Sentences {
  const settings = readModelSettings(model);
  const vet = async (query: string) => void admit({ query }, fleet.manifest);
  const names = namesOf(fleet);
  const complete = completionOver({ socketPath: socket, ...tempoOf(settings) });
  const refused = (cause: unknown) =>
    log.warn({ err: cause }, 'the log of translations could not be written');
  return new Sentences({
    translator: modelTranslator({ complete, settings: () => settings, names, manifest: fleet.manifest, vet }),
    log: new TranslationLog(data, { now: () => fleet.world.now(), refused }),
    vet,
  });
}

/** The names of the sites that answer; those of a moment ago while a minute has not passed. */
function namesOf({ history: _, lastKnown: __, ...fleet }: Fleet): () => Promise<NameTable> {
  const apart: Fleet = { ...fleet, gate: openGate(1) };
  const ask = async (query: string) => {
    const { groups, coverage } = await askFleet(apart, { query, prove: false });
    if (coverage.answered === 0 && coverage.targets > 0)
      throw new LogicError('semantic_unavailable', 'No site tells the names that sentences are about.');
    return groups[0]?.value ?? undefined;
  };
  let last: { readonly at: number; readonly names: Promise<NameTable> } | null = null;
  return () => {
    const now = fleet.world.elapsed();
    if (last !== null && now - last.at < FLEET_NAMES_MS) return last.names;
    const names = collectNames(ask);
    const mine = { at: now, names };
    last = mine;
    // What went wrong is not kept.
    names.catch(() => {
      if (last === mine) last = null;
    });
    return names;
  };
}
