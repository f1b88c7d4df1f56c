/**
 * What a site translates with, by its command line: its own semantic process on the model that lies in the installation, one that somebody
 * else runs behind a socket (`--llm-socket`: logic-semantic as a unit, or llama-server), or none.
 */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  SEMANTIC_CONTEXT_TOKENS,
  SEMANTIC_CONTEXT_TOKENS_MOST,
  SEMANTIC_INSTRUCT_CONTEXT_TOKENS,
} from '@fleet/shared/limits.ts';
import { type Complete, completionOver, unavailable } from '@fleet/shared/semantic/completion.ts';
import { type ModelSettings, readModelSettings, tempoOf } from '@fleet/shared/semantic/model.ts';
import type { Logger } from 'pino';
import type { World } from '../world.ts';
import { SemanticProcess, type SemanticState } from './process.ts';

/** Beside the program, in a checkout as in an installation. */
const MODELS = fileURLToPath(new URL('../../llm/models', import.meta.url));
/** The one that comes with the project. */
const SHIPPED = 'translator.gguf';

export interface SemanticConfig {
  /** The file of the model; its settings lie beside it, and for another's socket they are all that is read. Null: none. */
  readonly model: string | null;
  /** Of a process that somebody else runs. */
  readonly socket: string | null;
  /** Null: one for a small model, all for a large one. */
  readonly threads: number | null;
  /** Null: by the model's style. */
  readonly contextTokens: number | null;
}

/** Nothing translates. */
export const NO_SEMANTIC: SemanticConfig = { model: null, socket: null, threads: null, contextTokens: null };

export interface SemanticFlags {
  readonly llmSocket?: string;
  readonly llmModel?: string;
  readonly llmThreads?: string;
  readonly llmContext?: string;
}

/** Throws `bad_setup` where a flag names what is not there. */
export function readSemanticConfig({
  llmSocket,
  llmModel,
  llmThreads,
  llmContext,
}: SemanticFlags): SemanticConfig {
  const common = {
    threads: wholeNumber('--llm-threads', llmThreads, 256),
    contextTokens: wholeNumber('--llm-context', llmContext, SEMANTIC_CONTEXT_TOKENS_MOST),
  };
  const socket = llmSocket === undefined ? null : resolve(llmSocket);
  if (llmModel === 'none') {
    if (socket !== null) throw refuse('--llm-socket with --llm-model none: leave one of them away');
    return { ...common, model: null, socket };
  }
  const model = llmModel === undefined ? installedModel() : resolve(llmModel);
  if (llmModel !== undefined && socket === null && !existsSync(model ?? ''))
    throw refuse(`--llm-model ${model}: there is no such file`);
  return { ...common, model, socket };
}

function wholeNumber(flag: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw refuse(`${flag} ${text}: a whole number from 1 to ${most}`);
}

/** The shipped one, or the first that lies there. */
export function installedModel(folder: string = MODELS): string | null {
  const shipped = join(folder, SHIPPED);
  if (existsSync(shipped)) return shipped;
  const [first] = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.gguf'))
        .sort()
    : [];
  return first === undefined ? null : join(folder, first);
}

export interface SemanticService {
  /** `none` where there is no model, `elsewhere` behind a socket of somebody else's. */
  readonly state: SemanticState | 'none' | 'elsewhere';
  /** Of its own process, while there is one. */
  readonly pid: number | null;
  /** Throws `semantic_unavailable`. */
  readonly complete: Complete;
  /** How the model is to be asked, read once. Throws `semantic_unavailable` where there is none, or its settings are broken. */
  settings(): ModelSettings;
  stop(): Promise<void>;
}

export interface ServiceParts {
  /** The folder of the site's sockets. */
  readonly folder: string;
  readonly world: World;
  readonly log: Logger;
}

export function semanticService(config: SemanticConfig, parts: ServiceParts): SemanticService {
  const { model } = config;
  if (model === null) return NONE;
  let known: ModelSettings | null = null;
  const settings = () => {
    known ??= settingsOf(model, parts.log);
    return known;
  };
  return config.socket === null
    ? ownProcess({ ...config, model }, settings, parts)
    : elsewhere(config.socket, settings);
}

const NONE: SemanticService = {
  state: 'none',
  pid: null,
  complete: async () => {
    throw noModel();
  },
  settings: () => {
    throw noModel();
  },
  stop: async () => {},
};

function noModel(): LogicError {
  return unavailable('This site has no model that translates.');
}

/** A mistake in them is not for whoever says a sentence: the log has it, with file and field. */
function settingsOf(model: string, log: Logger): ModelSettings {
  try {
    return readModelSettings(model);
  } catch (cause) {
    log.error({ err: cause }, "the model's settings cannot be read");
    throw unavailable("The model's settings cannot be read: the log says why.", cause);
  }
}

function elsewhere(socketPath: string, settings: () => ModelSettings): SemanticService {
  let ask: Complete | null = null;
  const complete: Complete = async (request, signal) => {
    ask ??= completionOver({ socketPath, ...tempoOf(settings()) });
    return ask(request, signal);
  };
  return { state: 'elsewhere', pid: null, complete, settings, stop: async () => {} };
}

function ownProcess(
  { model, threads, contextTokens }: SemanticConfig & { readonly model: string },
  settings: () => ModelSettings,
  { folder, world, log }: ServiceParts,
): SemanticService {
  let child: SemanticProcess | null = null;
  const made = () => {
    const known = settings();
    const large = known.style === 'instruct';
    const { timeoutMs: replyMs, cachePrompt } = tempoOf(known);
    return new SemanticProcess({
      model,
      voices: known.voices,
      socket: join(folder, 'semantic.sock'),
      threads: threads ?? (large ? availableParallelism() : 1),
      contextTokens: contextTokens ?? (large ? SEMANTIC_INSTRUCT_CONTEXT_TOKENS : SEMANTIC_CONTEXT_TOKENS),
      ...{ replyMs, cachePrompt, world, log },
      onReady: (digest) => {
        if (digest !== known.digest)
          log.warn(
            { model, digest },
            'the settings beside the model are of another model: its thresholds may be wrong',
          );
      },
    });
  };
  return {
    get state() {
      return child?.state ?? 'idle';
    },
    get pid() {
      return child?.pid ?? null;
    },
    complete: async (request, signal) => {
      child ??= made();
      return child.complete(request, signal);
    },
    settings,
    stop: async () => child?.stop(),
  };
}

function refuse(message: string): LogicError {
  return new LogicError('bad_setup', message);
}
