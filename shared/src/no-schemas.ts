/**
 * For fastify: none of our routes has a JSON schema, since what comes in is read by zod or by a reader of our own. Told so, fastify does
 * not load the compilers of schemas, which are a fifth of what it takes to start a coordinator.
 */
const none = (): never => {
  throw new TypeError('a route has a JSON schema');
};

export const NO_SCHEMAS = { compilersFactory: { buildValidator: none, buildSerializer: none } };
