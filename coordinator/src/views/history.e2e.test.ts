/** A coordinator that is killed while it answers and writes: what it had stored is there, and nothing of it looks tampered with. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { loadManifest } from '@fleet/shared/catalogue.ts';
import { coordinatorFiles } from '../config.ts';
import { connectFleet } from '../script-client.ts';
import { answering, QUERY } from '../testing/signed-reply.ts';
import { openTestFleet, type TestSite } from '../testing/site-server.ts';
import { checkHistoryOf } from './history/offline.ts';

const ROOT = join(import.meta.dirname, '../../..');
const BIN = join(ROOT, 'coordinator/bin/logic-fleet.mjs');

test('killed again and again while it writes, it finds its history whole and goes on with it', async (t) => {
  const parts = await openTestFleet();
  t.after(() => parts.close());
  const { bundle } = await loadManifest(join(ROOT, 'kb'));
  const barn: TestSite = await parts.site('barn', (stream, asked) =>
    answering(() => barn, bundle)(stream, asked),
  );
  const files = coordinatorFiles(parts.dir);
  let rows = 0;
  for (const answers of [7, 23, 40]) {
    const child = spawn(
      process.execPath,
      [BIN, 'serve', '--data', parts.dir, '--listen', '127.0.0.1:0', '--follow-parent'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    t.after(() => child.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { http, pid } = JSON.parse(line) as { http: string; pid: number };
    const { fleet } = connectFleet({ url: http });
    const asked = Array.from({ length: answers }, async () => {
      await fleet.ask.query({ query: QUERY });
    });
    await Promise.any(asked);
    while ((await fleet.history.query({ limit: 1 })).rows.length === 0)
      await fleet.ask.query({ query: QUERY });
    const [newest] = (await fleet.history.query({ limit: 1 })).rows;
    const gone = once(child, 'exit');
    process.kill(pid, 'SIGKILL');
    await gone;
    await Promise.allSettled(asked);
    const check = await checkHistoryOf(files, {});
    assert.deepEqual(check.faults, []);
    assert.ok(
      check.rows >= (newest?.id ?? 0) && check.rows >= rows,
      `${check.rows} rows, ${newest?.id} were seen`,
    );
    rows = check.rows;
  }
});
