/**
 * A sentence for the fleet. The coordinator has no model unless it was given one: it asks the translator of a site, over the session that
 * questions take, at the site's own `site.translate`. Names are then those of that site, so the result says whose. What comes back is a
 * stranger's word: it is parsed, and every query in it is admitted here before anybody sees it.
 *
 * Sentences have places and a deadline of their own, so that no question waits for one.
 */
import {
  type CorrectionResult,
  type FleetTranslation,
  type fleetCorrectionInput,
  type fleetTranslateInput,
  type Translation,
  translationSchema,
} from '@fleet/shared/api/translate.ts';
import { Places } from '@fleet/shared/door/places.ts';
import { asLogicError, LogicError } from '@fleet/shared/errors.ts';
import {
  CALLER_SENTENCES_AT_ONCE,
  FLEET_TRANSLATOR_MS,
  FLEET_TRANSLATORS_TRIED,
  SENTENCE_MS,
  SENTENCES_AT_ONCE,
  TRANSLATION_BYTES,
} from '@fleet/shared/limits.ts';
import type { Sentences, Speaker } from '@fleet/shared/semantic/sentences.ts';
import { z } from 'zod';
import type { Site } from '../sites/registry.ts';
import { admit } from './admit.ts';
import { lost } from './fanout.ts';
import type { Fleet } from './pipeline.ts';
import { plainText, readRefusal } from './refusal.ts';

const translated = z.object({ result: z.object({ data: translationSchema }) });
const corrected = z.object({ result: z.object({ data: z.object({ kept: z.boolean() }) }) });
const refused = z.object({
  error: z.object({ message: z.string(), data: z.object({ logic: z.object({ code: z.string() }) }) }),
});

type FleetParts = Pick<Fleet, 'registry' | 'sessions' | 'manifest'>;

export class FleetSentences {
  readonly #fleet: FleetParts;
  /** The coordinator's own translator, where it was given a model. */
  readonly #own: Sentences | null;
  readonly #places = new Places({
    what: 'sentences',
    all: SENTENCES_AT_ONCE,
    each: CALLER_SENTENCES_AT_ONCE,
  });
  /** The site whose translator answered last: it is asked first. */
  #last = '';

  constructor(fleet: FleetParts, own: Sentences | null = null) {
    this.#fleet = fleet;
    this.#own = own;
  }

  /** Throws `busy`, `deadline`, `unknown_site`, and `semantic_unavailable` where no site that was tried has a translator. */
  async translate(
    { text, site }: z.output<typeof fleetTranslateInput>,
    speaker: Speaker,
  ): Promise<FleetTranslation> {
    if (this.#own !== null && site === undefined)
      return { ...(await this.#own.translate(text, speaker)), site: null };
    const sites = site === undefined ? this.#likely() : [this.#named(site)];
    return this.#inPlace(speaker, (signal) => this.#firstOf(sites, text, signal));
  }

  /** Tells the site whose translation it was, which keeps it; or keeps it here. Throws as `translate`, and what is wrong with the query. */
  async correct(
    { site, ...correction }: z.output<typeof fleetCorrectionInput>,
    speaker: Speaker,
  ): Promise<CorrectionResult> {
    admit({ query: correction.query }, this.#fleet.manifest);
    if (site === null) {
      if (this.#own === null) throw new LogicError('bad_request', 'Say whose translation it was: site.');
      return this.#own.correct(correction);
    }
    const named = this.#named(site);
    const { result } = await this.#inPlace(speaker, (signal) =>
      this.#call(named, { path: '/trpc/site.correct', input: correction, signal }, corrected),
    );
    return result.data;
  }

  async #inPlace<T>({ caller, gone }: Speaker, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const leave = this.#places.enter(caller);
    const deadline = AbortSignal.timeout(SENTENCE_MS);
    try {
      return await work(AbortSignal.any([gone, deadline]));
    } catch (cause) {
      if (gone.aborted) throw new LogicError('cancelled', 'Nobody waits for the translation.', cause);
      if (deadline.aborted)
        throw new LogicError('deadline', `No translation came within ${SENTENCE_MS / 1000} s.`, cause);
      throw cause;
    } finally {
      leave();
    }
  }

  /**
   * The first translation, of a site that knows the names where one does. A site without a translator costs a moment; few are tried, so that
   * those that are away do not cost the whole deadline.
   */
  async #firstOf(sites: readonly Site[], text: string, signal: AbortSignal): Promise<FleetTranslation> {
    let unknown: FleetTranslation | null = null;
    let why: LogicError | null = null;
    for (const site of sites) {
      try {
        const patience = sites.length === 1 ? signal : this.#patienceWith(site, signal);
        const translation = { ...(await this.#ask(site, text, patience)), site: site.name };
        this.#last = site.name;
        if (translation.kind !== 'unknown_name') return translation;
        unknown ??= translation;
      } catch (cause) {
        signal.throwIfAborted();
        why = asLogicError(cause);
        if (sites.length === 1) throw why;
      }
    }
    if (unknown !== null) return unknown;
    const asked = sites.map(({ name }) => name).join(', ');
    const message = `No site that was asked has a translator (${asked || 'there is none'}).`;
    throw new LogicError(
      'semantic_unavailable',
      why === null ? message : `${message} The last one said: ${why.message}`,
      why,
    );
  }

  /** A site that is away must leave time for the next. */
  #patienceWith(site: Site, signal: AbortSignal): AbortSignal {
    if (this.#fleet.sessions.to(site).connected) return signal;
    return AbortSignal.any([signal, AbortSignal.timeout(FLEET_TRANSLATOR_MS)]);
  }

  async #ask(site: Site, text: string, signal: AbortSignal): Promise<Translation> {
    const { result } = await this.#call(
      site,
      { path: '/trpc/site.translate', input: { text }, signal },
      translated,
    );
    // What was said is known here.
    return this.#admitted({ ...result.data, text }, site);
  }

  /** Throws `bad_reply` for a query that this coordinator would not ask. */
  #admitted(translation: Translation, { name }: Site): Translation {
    const admitted = <T extends { readonly query: string; readonly echo: string }>(one: T): T => {
      try {
        if (/[\p{Cc}\p{Cf}]/u.test(one.query))
          throw new LogicError('syntax_error', 'A character that steers a terminal.');
        admit({ query: one.query }, this.#fleet.manifest);
      } catch (cause) {
        throw new LogicError('bad_reply', `${name} gave a query that cannot be asked here.`, cause);
      }
      return { ...one, echo: plainText(one.echo) };
    };
    const readAs = translation.readAs.map(({ written, read }) => ({
      written: plainText(written),
      read: plainText(read),
    }));
    const plain = { ...translation, readAs };
    switch (plain.kind) {
      case 'query':
        return admitted(plain);
      case 'did_you_mean':
        return { ...plain, options: plain.options.map(admitted) };
      case 'abstain':
      case 'order':
        return { ...plain, examples: plain.examples.map(plainText) };
      case 'unknown_name':
        return { ...plain, names: plain.names.map(plainName) };
    }
  }

  /** A call of the site's own router. Throws what the site refused, and what became of the wire. */
  async #call<T>(
    site: Site,
    { path, input, signal }: { readonly path: string; readonly input: object; readonly signal: AbortSignal },
    shape: z.ZodType<T>,
  ): Promise<T> {
    const { statusCode, body } = await this.#fleet.sessions
      .to(site)
      .post({
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(input),
        signal,
        most: () => TRANSLATION_BYTES,
      })
      .catch((cause: unknown) => {
        throw signal.aborted
          ? new LogicError('deadline', `${site.name} did not translate in time.`, cause)
          : lost(cause, site);
      });
    const text = body.toString();
    if (statusCode !== 200) throw refusalIn(statusCode, text);
    const read = shape.safeParse(parseJson(text));
    if (read.success) return read.data;
    throw new LogicError('bad_reply', `${site.name} sent what is no translation.`, read.error);
  }

  #named(name: string): Site {
    const site = this.#fleet.registry.get(name);
    if (site === undefined) throw new LogicError('unknown_site', `The registry has no site ${name}.`);
    if (site.kind !== 'node')
      throw new LogicError('bad_request', `${name} is no logic node, and has no translator.`);
    return site;
  }

  /** The one that answered last, then those with a session, then the others, by name. */
  #likely(): Site[] {
    const { registry, sessions } = this.#fleet;
    const order = (site: Site) => (site.name === this.#last ? 0 : sessions.to(site).connected ? 1 : 2);
    return registry
      .list()
      .filter(({ kind, status, via }) => kind === 'node' && status === 'active' && via === undefined)
      .map((site) => ({ site, rank: order(site) }))
      .sort((a, b) => a.rank - b.rank)
      .slice(0, FLEET_TRANSLATORS_TRIED)
      .map(({ site }) => site);
  }
}

type UnknownName = Extract<Translation, { kind: 'unknown_name' }>['names'][number];

const plainName = ({ written, near }: UnknownName): UnknownName => ({
  written: plainText(written),
  near: near.map(plainText),
});

/** tRPC's error of a site's router, as its own code. A site of an earlier version does not know the call: it has no translator. */
function refusalIn(status: number, text: string): LogicError {
  const said = refused.safeParse(parseJson(text));
  if (!said.success) return readRefusal(status, text);
  const { message, data } = said.data.error;
  const error = readRefusal(status, JSON.stringify({ code: data.logic.code, message }));
  return error.code === 'not_found'
    ? new LogicError('semantic_unavailable', 'This site has no translator.')
    : error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
