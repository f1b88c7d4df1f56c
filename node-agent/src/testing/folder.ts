/** For tests: a folder that is gone when the test has ended, and steps that are undone in reverse order. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The part of a test's context that is needed here; a whole file's `after` will do as well. */
export interface Ending {
  after(step: () => Promise<void>): void;
}

/** The end of a whole test file, for what its `before` starts. Call it at the top of the file. */
export function endOfFile(after: (step: () => Promise<void>) => void): Ending {
  const steps: (() => Promise<void>)[] = [];
  after(async () => {
    for (const step of steps) await step();
  });
  return { after: (step) => void steps.push(step) };
}

type Step = () => unknown;

const endings = new WeakMap<Ending, Step[]>();

/** Runs `step` when the test has ended, before the steps that were given earlier. */
export function atEnd(t: Ending, step: Step): void {
  const known = endings.get(t);
  if (known !== undefined) return void known.push(step);
  const steps = [step];
  endings.set(t, steps);
  t.after(async () => {
    for (const one of steps.reverse()) await one();
  });
}

export async function temporaryFolder(t: Ending): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'logic-node-test-'));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}
