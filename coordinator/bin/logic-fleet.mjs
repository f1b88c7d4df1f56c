#!/usr/bin/env node
/** The command `logic-fleet`: plain JavaScript, so that it can say something useful under an older Node. */
import { COORDINATOR_HEAP, launch } from '../../shared/launch.mjs';

await launch(new URL('../src/main.ts', import.meta.url), { heap: COORDINATOR_HEAP });
