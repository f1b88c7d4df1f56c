/**
 * One model in memory, one sequence, one completion at a time. Every completion starts from an empty context, so that the same request gives
 * the same text whatever was asked before, except where its caller asks to keep the beginning that two long prompts share.
 *
 * Each token comes with its probability. All probabilities would cost a list as long as the vocabulary for each token: twice the memory.
 *
 * Where the likeliest token is taken each time, a grammar is first only watched: asking it about one token is a thousand times cheaper than about
 * all. Most completions never leave it; one that would is begun again under the grammar. What comes out is the same either way.
 */
import './environment.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import {
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type Token,
} from 'node-llama-cpp';
import type { World } from '../../world.ts';

/** What llama.cpp holds of a grammar goes with the object of V8 that stands for it, and V8 sees only how small that is. */
const COLLECT_EVERY = 100;

export interface ModelOptions {
  readonly file: string;
  readonly threads: number;
  readonly contextTokens: number;
  readonly world: World;
}

export interface Asked {
  readonly prompt: string | readonly number[];
  /** GBNF; none where left out. */
  readonly grammar?: string | undefined;
  readonly predict: number;
  readonly temperature: number;
  readonly keepPrefix: boolean;
}

export interface GeneratedToken {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

export interface Generated {
  readonly text: string;
  /** The end, if it came to one, is the last. */
  readonly tokens: readonly GeneratedToken[];
  readonly promptTokens: readonly number[];
  /** Of the prompt, what was there already. */
  readonly cached: number;
  /** Why it stopped: the model was done, or it could not go on: no tokens left, or none with which the grammar goes on. */
  readonly end: 'eos' | 'limit';
  /** It stopped because the context was full. */
  readonly full: boolean;
  /** Until the first token, and from there. */
  readonly promptMs: number;
  readonly predictedMs: number;
}

interface Run {
  readonly prompt: readonly Token[];
  readonly grammar: LlamaGrammarEvaluationState | null;
  /** Told of what comes out and not asked before: ends the run at the first token that it does not allow. */
  readonly watch: LlamaGrammarEvaluationState | null;
  readonly most: number;
  readonly temperature: number;
}

export class RunningModel {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #sequence: LlamaContextSequence;
  readonly #world: World;
  readonly contextTokens: number;
  #completions = 0;

  private constructor(llama: Llama, model: LlamaModel, sequence: LlamaContextSequence, world: World) {
    this.#llama = llama;
    this.#model = model;
    this.#sequence = sequence;
    this.#world = world;
    this.contextTokens = sequence.contextSize;
  }

  /** Throws `bad_setup` for a file that llama.cpp does not read. */
  static async load(
    llama: Llama,
    { file, threads, contextTokens, world }: ModelOptions,
  ): Promise<RunningModel> {
    try {
      const model = await llama.loadModel({ modelPath: file, ignoreMemorySafetyChecks: true });
      const contextSize = contextTokens;
      // Buffers are for a whole batch: 7 MB for 256 tokens of our vocabulary, and no question has so many.
      const batchSize = contextTokens <= SMALL_CONTEXT ? 64 : 512;
      const context = await model.createContext({
        contextSize,
        batchSize,
        threads,
        ignoreMemorySafetyChecks: true,
      });
      endDeadEnds(context);
      return new RunningModel(llama, model, context.getSequence(), world);
    } catch (cause) {
      const said = cause instanceof Error ? cause.message : String(cause);
      throw new LogicError('bad_setup', `${file}: llama.cpp does not load it: ${said}`, cause);
    }
  }

  tokenize(text: string, addSpecial: boolean): Token[] {
    const tokens = this.#model.tokenize(text, true);
    const { bos, shouldPrependBosToken } = this.#model.tokens;
    return addSpecial && shouldPrependBosToken && bos !== null && tokens[0] !== bos
      ? [bos, ...tokens]
      : tokens;
  }

  piece(token: number): string {
    return this.#model.detokenize([token as Token], true);
  }

  textOf(tokens: readonly number[]): string {
    return this.#model.detokenize(tokens as readonly Token[], true);
  }

  /** Throws `bad_request`, `too_large`, or the signal's reason at the next token after its caller left. */
  async complete(asked: Asked, signal: AbortSignal): Promise<Generated> {
    const prompt = this.#promptOf(asked.prompt);
    const grammar = asked.grammar === undefined ? null : await this.#grammarOf(asked.grammar);
    const room = this.contextTokens - prompt.length;
    const most = Math.min(asked.predict, room);
    const { temperature, keepPrefix } = asked;
    // Made when it is needed: llama.cpp's part of one is 100 KB that wait for V8 to notice.
    const state = () => grammar && new LlamaGrammarEvaluationState({ model: this.#model, grammar });
    const run = async (under: Pick<Run, 'grammar' | 'watch'>) => {
      const cached = await this.#prepare(prompt, keepPrefix);
      const rest = prompt.slice(cached);
      return { cached, ...(await this.#generate({ prompt: rest, most, temperature, ...under }, signal)) };
    };
    const watched =
      grammar !== null && temperature === 0 ? await run({ grammar: null, watch: state() }) : null;
    const { cached, ...generated } =
      watched === null || watched.left !== null
        ? doubted(await run({ grammar: state(), watch: null }), watched)
        : watched;
    const text = this.#textAfter(generated.tokens, prompt);
    this.#completions += 1;
    if (this.#completions % COLLECT_EVERY === 0) globalThis.gc?.();
    return {
      ...generated,
      text,
      promptTokens: prompt,
      cached,
      full: generated.end === 'limit' && most === room,
    };
  }

  #promptOf(prompt: Asked['prompt']): Token[] {
    const tokens =
      typeof prompt === 'string' ? this.tokenize(prompt, true) : prompt.map((token) => this.#known(token));
    if (tokens.length === 0) throw new LogicError('bad_request', 'The prompt is empty.');
    if (tokens.length >= this.contextTokens) {
      const data = { n_prompt_tokens: tokens.length, n_ctx: this.contextTokens };
      throw new LogicError('too_large', 'The prompt does not fit the context.', undefined, data);
    }
    return tokens;
  }

  #known(token: number): Token {
    // llama.cpp ends the process over a token that it does not know.
    if (token >= this.#vocabulary) throw new LogicError('bad_request', `There is no token ${token}.`);
    return token as Token;
  }

  get #vocabulary(): number {
    return this.#model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  }

  async #grammarOf(text: string): Promise<LlamaGrammar> {
    try {
      return await this.#llama.createGrammar({ grammar: text });
    } catch (cause) {
      throw new LogicError(
        'bad_request',
        'The grammar cannot be read: it is no GBNF with a rule named root.',
        cause,
      );
    }
  }

  /** How many tokens of the prompt the context holds already. The last one is always read again: what comes after it is asked for. */
  async #prepare(prompt: Token[], keepPrefix: boolean): Promise<number> {
    if (keepPrefix) await this.#sequence.adaptStateToTokens(prompt.slice(0, -1), false);
    else await this.#sequence.clearHistory();
    return this.#sequence.nextTokenIndex;
  }

  async #generate(run: Run, signal: AbortSignal): Promise<Generation> {
    const began = this.#world.elapsed();
    let first = began;
    let end: Generated['end'] = 'limit';
    let left: number | null = null;
    const tokens: GeneratedToken[] = [];
    if (run.most === 0) return { tokens, end, left, promptMs: 0, predictedMs: 0 };
    try {
      for await (const { token, confidence } of this.#evaluate(run)) {
        signal.throwIfAborted();
        if (run.watch !== null && !this.#allows(run.watch, token)) {
          left = confidence;
          break;
        }
        if (tokens.length === 0) first = this.#world.elapsed();
        const over = this.#model.isEogToken(token);
        tokens.push({ id: token, text: over ? '' : this.piece(token), probability: confidence });
        if (over) end = 'eos';
        if (over || tokens.length >= run.most) break;
      }
    } catch (cause) {
      if (!isDeadEnd(cause)) throw cause;
    }
    return { tokens, end, left, promptMs: first - began, predictedMs: this.#world.elapsed() - first };
  }

  /** Whether the grammar goes on with that token, which it is then told. Not public; the version is pinned, and a test holds it. */
  #allows(grammar: LlamaGrammarEvaluationState, token: Token): boolean {
    const { _bindings } = this.#llama as unknown as { _bindings: Bindings };
    const { _state: state } = grammar as unknown as { _state: object };
    const { AddonSampler } = _bindings;
    if (!AddonSampler.canBeNextTokenForGrammarEvaluationState(state, token)) return false;
    AddonSampler.acceptGrammarEvaluationStateToken(state, token);
    return true;
  }

  #evaluate({ prompt, grammar, temperature }: Run) {
    return this.#sequence.evaluateWithMetadata(
      prompt as Token[],
      { confidence: true },
      {
        temperature,
        yieldEogToken: true,
        ...(grammar === null ? {} : { grammarEvaluationState: grammar }),
      },
    );
  }

  #textAfter(tokens: readonly GeneratedToken[], prompt: readonly Token[]): string {
    const words = tokens.filter(({ text }) => text !== '').map(({ id }) => id as Token);
    return this.#model.detokenize(words, false, prompt);
  }
}

/** Of the shipped model; a larger one is for prompts of thousands of tokens. */
const SMALL_CONTEXT = 512;

interface Generation extends Pick<Generated, 'tokens' | 'end' | 'promptMs' | 'predictedMs'> {
  /** How sure the model was of the token with which it would have left the grammar; null where it stayed. */
  readonly left: number | null;
}

/** What the grammar made of a completion is at most as likely, at that token, as what it forbade leaves. */
function doubted<T extends Generation>(generated: T, watched: Generation | null): T {
  if (watched === null || watched.left === null) return generated;
  const most = 1 - watched.left;
  const tokens = generated.tokens.map((token, at) =>
    at === watched.tokens.length ? { ...token, probability: Math.min(token.probability, most) } : token,
  );
  return { ...generated, tokens };
}

interface Bindings {
  readonly AddonSampler: {
    canBeNextTokenForGrammarEvaluationState(state: object, token: Token): boolean;
    acceptGrammarEvaluationStateToken(state: object, token: Token): void;
  };
}

/**
 * A grammar speaks of characters, a model of tokens: it may say the token ` node`, which ` node_temp(` begins with, and then have none for
 * `_temp(`. llama.cpp throws there, and node-llama-cpp drops that error: its caller would wait for ever and the process end. So its native
 * sampler says here what node-llama-cpp knows how to pass on: that there is no token. Not public; the version is pinned, and a test holds it.
 */
function endDeadEnds(context: LlamaContext): void {
  const { _ctx: native } = context as unknown as {
    _ctx: { sampleToken(...args: unknown[]): Promise<unknown> };
  };
  const sample = native.sampleToken.bind(native);
  const value = (...args: unknown[]) => sample(...args).catch(() => [NO_TOKEN]);
  Object.defineProperty(native, 'sampleToken', { value });
}

const NO_TOKEN = -1;

function isDeadEnd(cause: unknown): boolean {
  return cause instanceof Error && cause.message === 'Failed to sample next token';
}
