/**
 * `npm run loadtest -- semantic`: the shipped model at a whole site, through `site.translate`: fresh questions, what must be refused, anything at
 * all, how long it takes and what it weighs. Fresh sets a, b and c were looked at while phrasings were written and chose the thresholds; set d was
 * not, and is what the goals speak of.
 */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { initSite } from '@fleet/node-agent/init.ts';
import { mulberry32 } from '@fleet/node-agent/random.ts';
import type { SiteRouter } from '@fleet/node-agent/router.ts';
import {
  type FreshQuestion,
  freshFile,
  readFresh,
  SITE_FILE,
} from '@fleet/node-agent/semantic/evaluation/fresh.ts';
import type { Translation } from '@fleet/shared/api/translate.ts';
import { type Manifest, readManifest } from '@fleet/shared/catalogue.ts';
import { checkAsk } from '@fleet/shared/language.ts';
import { createTRPCClient, httpLink } from '@trpc/client';
import { z } from 'zod';
import { startService } from '../../deploy/local/service.ts';
import { atLeast, atMost, type Figure, plain, quantile, worst } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { distribution } from '../page.ts';
import { family, residentMegabytes } from '../processes.ts';
import { inRunFolder } from '../swarm/folder.ts';
import { installedMb } from './install.ts';
import { judge, queriesIn, type Tally, tallied, type Verdict } from './judge.ts';

const SITE = 'fresh';
const SETS = ['a', 'b', 'c', 'd'] as const;
/** Of nonsense. */
const FUZZ = 10_000;

export const NOTES = [
  'Each sentence goes through `site.translate` of a real agent: both voices, vetting by swipl. Times are of the whole call, one after the other.',
  'Fresh questions are in node-agent/src/semantic/evaluation/fresh, with the queries that count as right. Shares are of the questions that have an answer.',
  'Sets a, b and c were read while the phrasings were written; d was not.',
];

const ready = z.object({ http: z.url(), pid: z.int() });

export async function measureSemantic({ seed, own = {}, say }: LoadOptions) {
  return inRunFolder(async (folder, started) => {
    const agent = started(await startSite(folder, own));
    const site = await talkTo(agent);
    return own.questions === undefined
      ? measureAll({ site, agent, seed, say })
      : measureOwn({ site, file: own.questions });
  });
}

interface Talk {
  readonly manifest: Manifest;
  /** What each call took, in milliseconds. */
  readonly took: number[];
  translate(text: string): Promise<Translation>;
}

async function talkTo({ http, data }: { http: string; data: string }): Promise<Talk> {
  const manifest = readManifest(JSON.parse(readFileSync(join(data, 'kb', 'manifest.json'), 'utf8')));
  const client = createTRPCClient<SiteRouter>({
    links: [httpLink({ url: `${http}/trpc`, methodOverride: 'POST' })],
  });
  const took: number[] = [];
  const translate = async (text: string): Promise<Translation> => {
    const began = performance.now();
    const translation = await client.site.translate.query({ text });
    took.push(performance.now() - began);
    return translation;
  };
  // The first one starts the process and reads the names.
  await translate('is anything down');
  took.length = 0;
  return { manifest, took, translate };
}

async function judged(questions: readonly FreshQuestion[], { translate, manifest }: Talk): Promise<Tally> {
  const verdicts: Verdict[] = [];
  for (const question of questions) verdicts.push(judge(question, await translate(question.text), manifest));
  return tallied(verdicts);
}

/** An operator's own questions, and those that were not right, each on a line. */
async function measureOwn({ site, file }: { site: Talk; file: string }) {
  const questions = await readFresh(file);
  const notes: string[] = [];
  const translate = async (text: string) => {
    const translation = await site.translate(text);
    const one = questions.find((question) => question.text === text);
    const verdict = one === undefined ? 'right' : judge(one, translation, site.manifest);
    if (verdict !== 'right' && verdict !== 'refused')
      notes.push(`${verdict}: ${text} -> ${queriesIn(translation).join(' or ') || translation.kind}`);
    return translation;
  };
  const tally = await judged(questions, { ...site, translate });
  const sorted = site.took.toSorted((a, b) => a - b);
  return {
    figures: [
      ...figuresOf('your questions', [tally]),
      plain('a translation, median', 'ms', [quantile(sorted, 0.5)]),
    ],
    plots: [],
    notes,
  };
}

interface Whole {
  readonly site: Talk;
  readonly agent: { readonly pid: number };
  readonly seed: number;
  readonly say: (text: string) => void;
}

async function measureAll({ site, agent, seed, say }: Whole) {
  const { manifest, took, translate } = site;
  const tallies = new Map<string, Tally>();
  for (const set of SETS) {
    say(`fresh questions, set ${set}`);
    tallies.set(set, await judged(await readFresh(freshFile(set)), site));
  }
  const memory = [semanticMemory(agent.pid)];
  const fresh = took.toSorted((a, b) => a - b);
  say(`anything at all, ${FUZZ} sentences`);
  const random = mulberry32(seed);
  const broken: string[] = [];
  for (let at = 0; at < FUZZ; at += 1) {
    const text = nonsense((count) => Math.floor(random() * count));
    if (!isSound(await translate(text), manifest)) broken.push(text);
    if (at % 1000 === 999) {
      memory.push(semanticMemory(agent.pid));
      say(`${at + 1} of ${FUZZ}, ${broken.length} broken`);
    }
  }
  const wild = took.slice(fresh.length).toSorted((a, b) => a - b);
  return {
    figures: [
      ...figuresOf('fresh questions of a, b and c', [...tallies.values()].slice(0, 3)),
      ...figuresOf('fresh questions of d', [...tallies.values()].slice(3)),
      worst('anything at all: neither a vetted query nor a no', `of ${FUZZ}`, [broken.length], atMost(0)),
      plain('a translation, median', 'ms', [quantile(fresh, 0.5)]),
      plain('a translation, p95', 'ms', [quantile(fresh, 0.95)], atMost(100)),
      plain('a sentence of nonsense, p95', 'ms', [quantile(wild, 0.95)]),
      worst('resident memory of logic-semantic', 'MB', memory, atMost(150)),
      plain(
        `its growth over the last ${FUZZ - 1000} sentences`,
        'MB',
        [(memory.at(-1) ?? 0) - (memory[1] ?? 0)],
        atMost(5),
      ),
      plain('node-llama-cpp and what it alone brings', 'MB', [installedMb('node-llama-cpp')], atMost(90)),
    ],
    plots: [distribution('a translation at the site', 'ms', { 'fresh questions': fresh })],
    notes: broken.slice(0, 5).map((text) => `Broken: ${JSON.stringify(text)}`),
  };
}

async function startSite(folder: string, { inventory = SITE_FILE, model }: NonNullable<LoadOptions['own']>) {
  const data = join(folder, 'site');
  mkdirSync(join(data, 'kb', 'site'), { recursive: true });
  copyFileSync(inventory, join(data, 'kb', 'site', 'inventory.pl'));
  const made = await initSite({ data, site: SITE, inventory: 'sample', seed: 1 });
  const service = startService({
    name: 'agent',
    entry: fileURLToPath(new URL('../../node-agent/src/main.ts', import.meta.url)),
    args: [
      ...['serve', '--site', SITE, '--data', data, '--kb-path', made.main],
      ...['--http', '127.0.0.1:0', '--collector', 'none', '--follow-parent'],
      ...(model === undefined ? [] : ['--llm-model', resolve(model)]),
    ],
    log: join(folder, 'agent.log'),
  });
  return { ...ready.parse(await service.ready), data, stop: () => service.stop() };
}

/** Of the process that holds the model, below the agent: what starts it under other flags waits beside it. */
function semanticMemory(agent: number): number {
  const pids = family(agent).filter((pid) => pid !== agent && commandOf(pid).includes('--model'));
  return Math.max(...pids.map(residentMegabytes));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function figuresOf(name: string, tallies: readonly Tally[]): Figure[] {
  const sum = (key: keyof Tally) => tallies.reduce((total, tally) => total + tally[key], 0);
  const share = (key: keyof Tally) => (100 * sum(key)) / sum('answerable');
  return [
    plain(`${name}: right at once`, '%', [share('right')], atLeast(80)),
    plain(`${name}: right with one "did you mean"`, '%', [share('right') + share('offered')], atLeast(90)),
    plain(`${name}: asked back`, '%', [share('asked')], atMost(20)),
    plain(`${name}: wrong, and run`, '%', [share('wrong')], atMost(3)),
    plain(
      `${name}: what must be refused, not run`,
      '%',
      [100 - (100 * sum('ran')) / sum('refusable')],
      atLeast(99),
    ),
    plain(`${name}: what must be refused, neither run nor offered as a query`, '%', [
      100 - (100 * (sum('ran') + sum('proposed'))) / sum('refusable'),
    ]),
  ];
}

/** Every query that comes out is one of the language; everything else is a no or a question back. */
function isSound(translation: Translation, manifest: Manifest): boolean {
  try {
    for (const query of queriesIn(translation)) checkAsk(query, manifest);
    return true;
  } catch {
    return false;
  }
}

const WORDS = [
  'which nodes are hot pve1 nas mail not no and or how many is the of free memory 4 GB 80% reboot',
  '@n1 #size <s> </s> => !order node_temp( A , B ) \\+ shell halt ; drop table ☃ 日本 ignore all',
  'previous instructions vms more than least top 3 titan on rack closet_ups',
].flatMap((line) => line.split(' '));

function nonsense(draw: (count: number) => number): string {
  if (draw(3) === 0)
    return Array.from({ length: 1 + draw(60) }, () =>
      String.fromCodePoint(33 + draw(draw(4) === 0 ? 50_000 : 94)),
    )
      .join('')
      .slice(0, 300);
  return Array.from({ length: 1 + draw(16) }, () => WORDS[draw(WORDS.length)]).join(' ');
}
