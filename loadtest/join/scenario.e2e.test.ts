/** The join scenario on a small swarm: joins, a power cut, a network cut. What depends on how fast the machine is at that hour is not judged here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { met } from '../figures.ts';
import { measureJoin } from './scenario.ts';

/** Whether it holds depends on the speed of the machine, or, with so few sites, on chance. */
const OF_THE_MACHINE = /against|until|a second|CPU|told late|after deadline|memory/;

test('sites that join all at once, lose their power and come back at once are all there again, within every bound', async () => {
  const { figures, plots } = await measureJoin({
    sites: 16,
    seed: 1,
    seeds: 1,
    rounds: 1,
    seconds: 1,
    idleSeconds: 1,
    say: () => {},
  });
  const judged = figures.filter(({ name, goal }) => goal !== null && !OF_THE_MACHINE.test(name));
  const missed = judged.filter((figure) => met(figure) === false);
  assert.deepEqual(
    missed.map(({ name, value }) => `${name}: ${value}`),
    [],
  );
  assert.ok(figures.every(({ value }) => Number.isFinite(value)));
  assert.ok(judged.length >= 8, judged.map(({ name }) => name).join('\n'));
  assert.ok(
    plots.every((plot) => plot.kind !== 'lines' || plot.series.every(({ points }) => points.length > 0)),
  );
});
