/**
 * One running site, put together: journal, engine, state text, collector, door, listeners. `startAgent` is the
 * order of starting; `stop` is the same backwards, and leaves no process, no socket and the last state on the disk.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadManifest, type Manifest } from '@fleet/shared/catalogue.ts';
import { Vocabulary } from '@fleet/shared/door/vocabulary.ts';
import { LogicError } from '@fleet/shared/errors.ts';
import { PENGINE_IDLE_MS } from '@fleet/shared/limits.ts';
import type { Translator } from '@fleet/shared/semantic/sentences.ts';
import { Tokens } from '@fleet/shared/tokens.ts';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { kbFolder, readMemberTls, type SiteConfig } from './config.ts';
import { readInventory } from './inventory.ts';
import { Keeper } from './membership/keeper.ts';
import { PengineDoor } from './pengine/door.ts';
import { Watches } from './pengine/watch.ts';
import type { Sockets } from './prolog/bridge.ts';
import { ENGINE_LIMITS } from './prolog/budget.ts';
import { Engine, type SiteEngine } from './prolog/engine.ts';
import { startEngine } from './prolog/process.ts';
import type { EngineOfSite, SharedEngine, Tenant } from './prolog/shared-engine.ts';
import type { QueryParts } from './query/pipeline.ts';
import { type SemanticService, semanticService } from './semantic/service.ts';
import { siteSentences } from './semantic/translator.ts';
import { healthServer, listen, plainServer, type ServerParts, tlsServer, useCertificate } from './server.ts';
import { adoptText } from './telemetry/adopt.ts';
import { type Alerts, makeAlerts } from './telemetry/alerts/alerts.ts';
import { collectorPlans } from './telemetry/collect/plans.ts';
import { Collectors } from './telemetry/collectors.ts';
import { Expiry } from './telemetry/expiry.ts';
import type { FileOperations } from './telemetry/files.ts';
import { Intake } from './telemetry/intake.ts';
import { Journal } from './telemetry/journal.ts';
import type { TelemetryParts } from './telemetry/pipeline.ts';
import { Schedule } from './telemetry/schedule.ts';
import { StateText } from './telemetry/state-text.ts';
import { StateSync } from './telemetry/sync.ts';
import type { World } from './world.ts';

/** What comes in from outside: time, the disk's operations, the log. */
export interface AgentParts {
  readonly world: World;
  readonly files: FileOperations;
  readonly log: Logger;
  /** Of sentences, where it is not the site's own. */
  readonly translator?: Translator;
  /**
   * In a load test: an engine that holds this site beside others, what they read once for all, and from when on they tell their coordinator
   * of themselves, where that is not at once.
   */
  readonly shared?: {
    readonly engine: SharedEngine;
    readonly manifest: Manifest;
    readonly begun?: Promise<void> | undefined;
  };
}

export interface Agent {
  readonly http: string | null;
  readonly https: string | null;
  readonly metrics: string | null;
  readonly engine: SiteEngine;
  readonly telemetry: TelemetryParts;
  readonly alerts: Alerts;
  /** What a question to this site needs. */
  readonly query: QueryParts;
  readonly door: PengineDoor;
  readonly watches: Watches;
  readonly stateText: StateText;
  /** What translates sentences, or says that nothing does. */
  readonly semantic: SemanticService;
  stop(): Promise<void>;
}

/** Starts a site; ready when this resolves. Throws `bad_setup`, `bundle_mismatch`, or why the engine did not start. */
export async function startAgent(config: SiteConfig, parts: AgentParts): Promise<Agent> {
  const undo: Undo = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (cause) {
        parts.log.error({ err: cause }, 'stopping');
      }
    }
  };
  try {
    return { ...(await assemble(config, parts, undo)), stop };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

type Undo = (() => Promise<unknown> | unknown)[];

async function assemble(config: SiteConfig, parts: AgentParts, undo: Undo): Promise<Omit<Agent, 'stop'>> {
  const { world, log } = parts;
  const kb = kbFolder(config);
  const manifest = parts.shared?.manifest ?? (await loadManifest(kb));
  const key = await readKey(config);
  await mkdir(config.data, { recursive: true });
  const journal = Journal.open(join(config.data, 'journal.sqlite'));
  undo.push(() => journal.close());
  const stateFile = join(kb, 'state', 'state.pl');
  await adoptText({ file: stateFile, files: parts.files, journal, manifest, world, log });

  const stateText: StateText = new StateText({
    file: stateFile,
    files: parts.files,
    world,
    log,
    render: () => engine.bridge().state(),
    keep: (text) => {
      journal.keepText(text);
      return journal.durable();
    },
    onWritten: (revision) => {
      journal.textWritten(revision);
      sync.prune(revision);
    },
  });
  const sync: StateSync = new StateSync({
    journal,
    log,
    journaled: () => intake.settled(),
    onRevision: (revision) => {
      stateText.follow(revision);
      watches.after();
      alerts.pass.after(revision);
    },
  });
  const tenant: Tenant = {
    site: config.site,
    folder: kb,
    restore: (bridge) => sync.restore(bridge),
    // What was journaled between the end of restoring and being ready.
    onReady: (bridge) => void sync.follow(bridge),
    onLost: () => door.engineLost(),
  };
  const run = await makeRunFolder(config.data, undo);
  const engine: EngineOfSite =
    parts.shared?.engine.share(tenant) ?? ownEngine(config, parts, { tenant, run });
  const intake: Intake = new Intake({
    journal,
    world,
    onJournaled: (rows) => {
      expiry.told(rows);
      if (engine.state === 'ready') void sync.follow(engine.bridge());
    },
  });
  const telemetry: TelemetryParts = { manifest, journal, intake, sync, engine, world, log };
  const expiry = new Expiry(telemetry);
  const alerts = makeAlerts(config, telemetry);
  const asked = {
    ...{ site: config.site, bundle: manifest.bundle, key },
    world,
    vocabulary: new Vocabulary(manifest),
    revision: () => sync.revision,
  };
  const door = new PengineDoor({ ...asked, engine });
  const watches = new Watches({ ...asked, room: door.room, log });
  const stoppedAt = journal.lastCommittedAt ?? world.now();
  undo.push(() => engine.stop());
  await engine.start();
  undo.push(() => sync.settled().then(() => stateText.stop()));
  undo.push(() => expiry.stop());
  expiry.start(stoppedAt);
  undo.push(() => alerts.deliveries.stop());
  alerts.deliveries.start();
  undo.push(() => alerts.pass.stop());
  alerts.pass.start();
  const collectors = await startCollectors(config, telemetry, undo);
  await startSweep(door, parts, undo);
  const semantic = semanticService(config.semantic, { folder: run, world, log });
  undo.push(() => semantic.stop());
  const query = { site: config.site, manifest, publicKey: createPublicKey(key), door, world };
  const instance = world.uuid();
  const status = () => ({
    site: config.site,
    instance,
    bundle: manifest.bundle,
    revision: sync.revision,
    engine: engine.state,
    confinement: engine.confinement,
    collectors: collectors.states(),
    semantic: semantic.state,
  });
  const sentences = siteSentences({
    ...{ query, engine, semantic, data: config.data, log, translator: parts.translator },
    revision: () => sync.revision,
  });
  undo.push(() => sentences.log.settled());
  const context = { parts: query, telemetry, alerts, sentences, status };
  const server = {
    door,
    watches,
    log,
    tokens: new Tokens(config.data, world),
    now: () => world.now(),
    context,
  };
  const urls = await startListeners(config, server, { instance, ...parts }, undo);
  // Before the listeners, which wait for what is under way.
  undo.push(() => watches.stop());
  return { ...urls, engine, telemetry, alerts, query, door, watches, stateText, semantic };
}

/** The key of the site's certificate; replies are signed with P-256 (docs/protocol.md section 4). */
async function readKey({ keyPem, data }: SiteConfig): Promise<KeyObject> {
  const file = join(data, 'tls', 'key.pem');
  const where = keyPem === null ? file : '--tls-key';
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem ?? (await readFile(file)));
  } catch (cause) {
    throw new LogicError('bad_setup', `${where}: no private key there; logic-node init makes one`, cause);
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new LogicError('bad_setup', `${where}: not a P-256 key, and no other can sign replies`);
}

interface OwnEngineParts {
  readonly tenant: Tenant;
  /** The folder of the site's sockets. */
  readonly run: string;
}

function ownEngine(
  config: SiteConfig,
  { world, log }: AgentParts,
  { tenant, run }: OwnEngineParts,
): EngineOfSite {
  const sockets = socketsIn(run);
  const spawn = () => startEngine({ main: config.main, sockets, limits: ENGINE_LIMITS, log });
  return new Engine({ ...tenant, spawn, world, log });
}

/** A path of a Unix socket has at most 107 bytes. */
const SOCKET_PATH_BYTES = 100;

/** A folder for sockets that only this user may enter. */
async function makeRunFolder(data: string, undo: Undo): Promise<string> {
  const near = join(data, 'run');
  const fits = Buffer.byteLength(join(near, 'semantic.sock')) <= SOCKET_PATH_BYTES;
  if (fits) await mkdir(near, { recursive: true, mode: 0o700 });
  const folder = fits ? near : await mkdtemp(join(tmpdir(), 'logic-node-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function socketsIn(folder: string): Sockets {
  return {
    pengine: join(folder, 'pengine.sock'),
    control: join(folder, 'control.sock'),
    lane: join(folder, 'lane.sock'),
  };
}

async function startCollectors(
  config: SiteConfig,
  telemetry: TelemetryParts,
  undo: Undo,
): Promise<Collectors> {
  const inventory = await readInventory(join(kbFolder(config), 'site'));
  const collectors = new Collectors(collectorPlans(config, inventory), telemetry);
  undo.push(() => collectors.stop());
  await collectors.start();
  // Whoever asks a site that calls itself ready finds its first facts there.
  await telemetry.sync.settled();
  return collectors;
}

async function startSweep(door: PengineDoor, { world, log }: AgentParts, undo: Undo): Promise<void> {
  const schedule = new Schedule({
    everyMs: PENGINE_IDLE_MS / 4,
    job: () => door.sweep(),
    ended: (failure) => failure !== null && log.error({ err: failure.cause }, 'sweeping sessions'),
    world,
  });
  undo.push(() => schedule.stop());
  await schedule.start();
}

type Urls = Pick<Agent, 'http' | 'https' | 'metrics'>;

async function startListeners(
  config: SiteConfig,
  server: ServerParts,
  parts: AgentParts & { readonly instance: string },
  undo: Undo,
): Promise<Urls> {
  const start = async (app: FastifyInstance, address: { host: string; port: number }) => {
    undo.push(() => app.close());
    return listen(app, address);
  };
  const tls = config.tls === null ? null : tlsServer(server, config.tls.files);
  const https = tls === null || config.tls === null ? null : await start(tls, config.tls.address);
  if (tls !== null && https !== null) keepMember(config, { tls, https, ...parts }, undo);
  return {
    http: config.plain === null ? null : await start(plainServer(server), config.plain),
    https,
    metrics: config.metrics === null ? null : await start(healthServer(server), config.metrics),
  };
}

interface Listening extends AgentParts {
  readonly instance: string;
  readonly tls: FastifyInstance;
  readonly https: string;
}

function keepMember(config: SiteConfig, { tls, https, shared, ...parts }: Listening, undo: Undo): void {
  const { member, data } = config;
  if (member === null || config.tls === null) return;
  const { host } = config.tls.address;
  const bound = { host, port: Number(new URL(https).port) };
  const renewed = () => useCertificate(tls, readMemberTls(data));
  const keeper = new Keeper({ ...parts, member, data, bound, renewed });
  undo.push(() => keeper.stop());
  if (shared?.begun === undefined) keeper.start();
  else void shared.begun.then(() => keeper.start());
}
