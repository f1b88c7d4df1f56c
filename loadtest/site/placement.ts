/** Placing 200 machines on 20 nodes (placement.pl): the certified search against naive labelling, and its infeasible twin. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { atMost, compared, type Figure, plain } from '../figures.ts';
import { prologLines } from './prolog.ts';

const line = z.object({ what: z.enum(['found', 'naive', 'twin']), millis: z.number(), result: z.string() });
const SCRIPT = fileURLToPath(new URL('placement.pl', import.meta.url));
/** A tenth of the naive time. */
const SHARE = 0.1;

export async function measurePlacement(): Promise<Figure[]> {
  const lines = (await prologLines(SCRIPT, 'measure')).map((one) => line.parse(one));
  const millis = (what: string) => lines.filter((one) => one.what === what).map((one) => one.millis);
  const twin = lines.find(({ what }) => what === 'twin')?.result ?? 'missing';
  const found = lines.filter(({ what }) => what === 'found');
  if (found.length === 0 || found.some(({ result }) => result !== 'ok'))
    throw new Error('no placement was found');
  if (!/^(no_placement|.*_limit)$/.test(twin)) throw new Error(`the infeasible twin ended with ${twin}`);
  return [
    compared(
      'placing 200 VMs on 20 nodes, certified, against naive',
      'ms CPU',
      millis('found'),
      millis('naive'),
      atMost(SHARE),
    ),
    plain(`its infeasible twin, which ends with ${twin}`, 'ms CPU', millis('twin')),
  ];
}
