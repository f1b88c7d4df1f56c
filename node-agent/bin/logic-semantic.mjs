#!/usr/bin/env node
/** The command `logic-semantic`: runs one model behind a Unix socket. Plain JavaScript, as logic-node.mjs. */
import { launch, SEMANTIC_ENVIRONMENT, SEMANTIC_HEAP } from '../../shared/launch.mjs';

Object.assign(process.env, SEMANTIC_ENVIRONMENT);
await launch(new URL('../src/semantic/serve/main.ts', import.meta.url), {
  heapFlags: true,
  heap: SEMANTIC_HEAP,
});
