/** The golden corpus of kb/test/golden as data, for the tests that prove or check it again. */
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';

export const KB = new URL('../../kb/', import.meta.url);

const goldenCase = z.object({
  name: z.string(),
  query: z.string(),
  variables: z.array(z.string()),
  now: z.number(),
  values: z.array(z.string()),
  proof: z.string(),
});
const golden = goldenCase.extend({
  standing: z.enum(['verified', 'attested', 'hypothetical']),
  mutations: z.array(goldenCase.partial().extend({ name: z.string(), code: z.string() })),
});
export type Case = z.infer<typeof goldenCase>;

export const corpus = readdirSync(new URL('test/golden/', KB))
  .filter((name) => name.endsWith('.json'))
  .map((name) => golden.parse(JSON.parse(readFileSync(new URL(`test/golden/${name}`, KB), 'utf8'))));
