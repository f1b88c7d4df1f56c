/** For tests: a separate swipl as a stock Pengine client. */
import { execFile } from 'node:child_process';

/** Runs a goal with library(pengines) loaded; what it printed. Rejects when it fails or takes too long. */
export function runSwipl(goal: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['-q', '-f', 'none', '-g', `use_module(library(pengines)), (${goal})`, '-t', 'halt'];
    execFile('swipl', args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(`${stdout}${stderr}`.trim());
    });
  });
}
