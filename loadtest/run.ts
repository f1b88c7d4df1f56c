/**
 * `npm run loadtest -- <scenario>`: measures against a baseline in the same run, prints the table, and writes JSON
 * where told. Load goes to loopback only.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { endWithParent } from '../shared/launch.mjs';
import { type Figure, machineName, met, printTable, type Report, writePage } from './figures.ts';
import type { LoadOptions } from './options.ts';
import { type Plot, writeReportPage } from './page.ts';

interface Scenario {
  readonly says: string;
  run(options: LoadOptions): Promise<readonly Figure[] | Measured>;
  readonly notes: readonly string[];
}

/** Where there is something to plot, or to note about this very run. */
interface Measured {
  readonly figures: readonly Figure[];
  readonly plots: readonly Plot[];
  readonly notes?: readonly string[];
}

const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  site: async () => {
    const { measureSite, NOTES } = await import('./site/scenario.ts');
    return { says: 'one logic node alone, beside stock library(pengines)', run: measureSite, notes: NOTES };
  },
  autocannon: async () => {
    const { measureApis, NOTES } = await import('./apis/scenario.ts');
    return { says: 'the tRPC APIs of an agent and a coordinator', run: measureApis, notes: NOTES };
  },
  fanout: async () => {
    const { measureFanout, NOTES } = await import('./fanout/scenario.ts');
    return { says: 'a coordinator over a swarm of sites', run: measureFanout, notes: NOTES };
  },
  live: async () => {
    const { measureLive, NOTES } = await import('./live/scenario.ts');
    return { says: 'a standing question over a swarm', run: measureLive, notes: NOTES };
  },
  join: async () => {
    const { measureJoin, NOTES } = await import('./join/scenario.ts');
    return { says: 'sites that join, and come back all at once', run: measureJoin, notes: NOTES };
  },
  semantic: async () => {
    const { measureSemantic, NOTES } = await import('./semantic/scenario.ts');
    return { says: 'plain language at a site', run: measureSemantic, notes: NOTES };
  },
  faults: async () => {
    const { measureFaults, NOTES } = await import('./faults/scenario.ts');
    return { says: 'a fleet with faulty and lying sites', run: measureFaults, notes: NOTES };
  },
};

const USAGE = `usage: npm run loadtest -- ${Object.keys(SCENARIOS).join('|')} [OPTION...]
  --sites N       of a swarm (default 1000); fanout grows it to three times as many
  --seed S        what their facts, and what goes wrong, are drawn by (default 1)
  --seeds N       that faults goes through, from S on (default 20)
  --json FILE     the figures as JSON
  --page FILE     figures and plots as one HTML file
  --write         replaces the scenario's section of docs/benchmarks.md
  --seconds N     of each measurement under load (default 4)
  --rounds N      of each comparison, in turns (default 5)
  --idle-seconds N  before memory is read (default 300)
  --questions FILE  of semantic: your own questions (docs/semantic.md), with --inventory FILE and --model FILE`;

const say = (text: string) => process.stderr.write(`- ${text}\n`);

endWithParent();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const read = readOptions(args);
  const load = read && Object.hasOwn(SCENARIOS, read.name) ? SCENARIOS[read.name] : undefined;
  if (read === null || load === undefined) {
    process.stderr.write(`${USAGE}\n`);
    return 1;
  }
  const scenario = await load();
  const measured = await scenario.run(read.options);
  const { figures, plots, notes = [] } = 'figures' in measured ? measured : { figures: measured, plots: [] };
  const report: Report = {
    scenario: read.name,
    at: new Date().toISOString(),
    machine: machineName(),
    figures,
    notes: [...scenario.notes, ...notes],
  };
  printTable(figures);
  if (read.json !== null) writeFileSync(read.json, `${JSON.stringify(report, null, 2)}\n`);
  if (read.page !== null) writeReportPage(read.page, report, plots);
  if (read.write) writePage(report);
  const missed = figures.filter((figure) => met(figure) === false);
  if (missed.length > 0) say(`${missed.length} of ${figures.length} figures miss their goal`);
  return 0;
}

function readOptions(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'string' },
        page: { type: 'string' },
        sites: { type: 'string', default: '1000' },
        seed: { type: 'string', default: '1' },
        seeds: { type: 'string', default: '20' },
        write: { type: 'boolean', default: false },
        seconds: { type: 'string', default: '4' },
        rounds: { type: 'string', default: '5' },
        'idle-seconds': { type: 'string', default: '300' },
        questions: { type: 'string' },
        inventory: { type: 'string' },
        model: { type: 'string' },
      },
    });
    const options: LoadOptions = {
      seconds: whole(values.seconds),
      rounds: whole(values.rounds),
      idleSeconds: whole(values['idle-seconds']),
      sites: whole(values.sites),
      seed: whole(values.seed),
      seeds: whole(values.seeds),
      own: ownOf(values),
      say,
    };
    const [json, page] = [values.json ?? null, values.page ?? null];
    return { name: positionals[0] ?? '', json, page, write: values.write, options };
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : cause}\n`);
    return null;
  }
}

function ownOf({
  questions,
  inventory,
  model,
}: {
  questions?: string;
  inventory?: string;
  model?: string;
}): NonNullable<LoadOptions['own']> {
  return {
    ...(questions === undefined ? {} : { questions }),
    ...(inventory === undefined ? {} : { inventory }),
    ...(model === undefined ? {} : { model }),
  };
}

function whole(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`a whole number above 0 is needed, not ${JSON.stringify(text)}`);
}
