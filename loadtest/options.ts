/** What a load test is told, by the command line and by the scenario that it is a part of. */

export interface LoadOptions {
  /** Seconds of each measurement under load. */
  readonly seconds: number;
  readonly rounds: number;
  /** Seconds without a question before memory is read. */
  readonly idleSeconds: number;
  /** Sites of a swarm, and what their facts and what goes wrong are drawn by. */
  readonly sites: number;
  readonly seed: number;
  /** Seeds to go through, from that one on. */
  readonly seeds: number;
  /** Of one's own, for `semantic`: fresh questions, the inventory that they speak of, and a model. */
  readonly own?: { readonly questions?: string; readonly inventory?: string; readonly model?: string };
  readonly say: (text: string) => void;
}

/** Of a part that asks one question all the time. */
export interface AskedLoad extends LoadOptions {
  /** For what h2load reads and writes. */
  readonly folder: string;
  /** The body that the question is asked with. */
  readonly body: string;
}
