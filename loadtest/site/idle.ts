/** What an agent costs that nobody asks: its own telemetry goes on, its memory has settled. */
import { atMost, type Figure, plain } from '../figures.ts';
import { cpuSeconds, pssMebibytes } from '../processes.ts';
import type { AgentServer } from './servers.ts';

const GOAL_MEBIBYTES = 150;

export async function measureIdle(agent: AgentServer, seconds: number): Promise<Figure[]> {
  const before = cpuSeconds(agent.pids());
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const pids = agent.pids();
  const share = ((cpuSeconds(pids) - before) / seconds) * 100;
  const engine = pids.filter((pid) => pid !== agent.pid);
  return [
    plain(
      `idle agent after ${seconds} s, Node and swipl (PSS)`,
      'MiB',
      [pssMebibytes(pids)],
      atMost(GOAL_MEBIBYTES),
    ),
    plain('of that, Node', 'MiB', [pssMebibytes([agent.pid])]),
    plain('of that, swipl', 'MiB', [pssMebibytes(engine)]),
    plain('idle agent', '% of a core', [share]),
  ];
}
