/**
 * `npm run loadtest -- site`: one logic node alone, measured on loopback beside what it is compared with. The parts,
 * in order: the doors, the lane, proofs, observations, inside Prolog, placement, idle memory. Each says what it is
 * doing; a part that fails fails the run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { questionBody } from '@fleet/shared/pengine.ts';
import type { Figure } from '../figures.ts';
import type { LoadOptions } from '../options.ts';
import { measureDoors, measureProved } from './doors.ts';
import { measureIdle } from './idle.ts';
import { measureLane } from './lane.ts';
import { measureObserve } from './observe.ts';
import { measurePlacement } from './placement.ts';
import { measureProofs, measureScale } from './prolog.ts';
import { startAgent, startBare, startStock } from './servers.ts';

const ASKED = { text: 'node_status(N,S)', variables: ['N', 'S'], assumptions: [] };
const QUESTION = questionBody(ASKED, false);
const PROVED = questionBody(ASKED, true);

export const NOTES = [
  'One question, `node_status(N, S)`, 6 answers of the sample site; doors are asked by h2load, one request under way a connection.',
  'Stock: library(pengines) of the same swipl over plain HTTP/1.1, on the same knowledge base with the same facts.',
  'The agent is asked over TLS 1.3 and HTTP/2 and signs every reply; CPU is user and system time of Node and swipl from /proc.',
];

export async function measureSite(options: LoadOptions): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'loadtest-'));
  const undo: (() => Promise<void>)[] = [];
  const started = <T extends { stop(): Promise<void> }>(server: T): T => {
    undo.push(() => server.stop());
    return server;
  };
  try {
    options.say('starting the agent, stock library(pengines) and a bare route');
    const agent = started(await startAgent(folder));
    const stock = started(await startStock(join(agent.data, 'kb', 'main.pl')));
    const bare = started(await startBare(folder, agent, QUESTION.body));
    const load = { ...options, folder, body: QUESTION.body };
    const doors = await measureDoors({ agent, stock, bare }, load);
    options.say('the lane on its own socket');
    const term = `lane(${QUESTION.ask},${QUESTION.template})`;
    const lane = await measureLane(agent, stock, { ...load, term });
    await Promise.all([stock.stop(), bare.stop()]);
    options.say('proofs, end to end');
    const proved = await measureProved(agent, { ...load, proved: PROVED.body });
    options.say('observations');
    const observed = await measureObserve(agent, load);
    options.say('inside Prolog: growth of the site');
    const scale = await measureScale(options.rounds);
    options.say('inside Prolog: the cost of a proof');
    const proofs = await measureProofs();
    options.say('placement');
    const placement = await measurePlacement();
    options.say(`idle for ${options.idleSeconds} s`);
    const idle = await measureIdle(agent, options.idleSeconds);
    return [...doors, ...lane, ...proofs, ...proved, ...observed, ...scale, ...placement, ...idle];
  } finally {
    for (const stop of undo.reverse()) await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
