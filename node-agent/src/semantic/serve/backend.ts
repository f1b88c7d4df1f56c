/**
 * llama.cpp itself: the prebuilt CPU backend of node-llama-cpp for this machine, loaded and nothing else.
 *
 * node-llama-cpp's `getLlama({ build: 'never', skipDownload: true, gpu: false })` ends in the very call made here, after it has started a
 * second Node in which it tries whether the backend loads. Confined (bin/confine) there is no second process, and none is needed: a backend
 * that crashes crashes this process, which is there for that. The code that could build or download is thereby never run at all. The call is
 * not public: the version is pinned, and backend.test.ts holds it.
 */
import './environment.ts';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LogicError } from '@fleet/shared/errors.ts';
import { Llama } from 'node-llama-cpp';

const require = createRequire(import.meta.url);
/** What package.json leaves of the backends. */
const BACKENDS: readonly string[] = ['linux-x64', 'linux-arm64'];

interface Creation {
  readonly bindings: unknown;
  readonly bindingPath: string;
  readonly buildType: 'prebuilt';
  readonly buildMetadata: unknown;
  readonly logLevel: string;
  readonly logger: (level: string, message: string) => void;
  readonly vramPadding: number;
  readonly ramPadding: number;
  readonly maxThreads: number;
  readonly debug: false;
  readonly numa: false;
  readonly tempDir: false;
}

export interface BackendOptions {
  readonly threads: number;
  /** What llama.cpp says of errors. */
  readonly say: (line: string) => void;
  /** `linux-x64`; this machine's where left out. */
  readonly platform?: string;
}

/** Throws `bad_setup` where no backend fits this machine. */
export async function loadBackend({
  threads,
  say,
  platform = thisPlatform(),
}: BackendOptions): Promise<Llama> {
  const folder = backendFolder(platform);
  const bindingPath = join(folder, 'llama-addon.node');
  const { _create } = Llama as unknown as { _create(this: typeof Llama, creation: Creation): Promise<Llama> };
  try {
    return await _create.call(Llama, {
      bindings: require(bindingPath),
      bindingPath,
      buildType: 'prebuilt',
      buildMetadata: require(join(folder, '_nlcBuildMetadata.json')),
      logLevel: 'error',
      logger: (level, message) => say(`llama.cpp: ${level}: ${message.trim()}`),
      vramPadding: 0,
      ramPadding: 0,
      maxThreads: threads,
      debug: false,
      numa: false,
      tempDir: false,
    });
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw noBackend(platform, `its backend does not load: ${said}`, cause);
  }
}

function thisPlatform(): string {
  return `${process.platform}-${process.arch}`;
}

function backendFolder(platform: string): string {
  if (!BACKENDS.includes(platform))
    throw noBackend(platform, `there are backends for ${BACKENDS.join(' and ')} alone`);
  try {
    const packaged = dirname(dirname(require.resolve(`@node-llama-cpp/${platform}`)));
    return join(packaged, 'bins', platform);
  } catch (cause) {
    throw noBackend(platform, `@node-llama-cpp/${platform} is not installed: run npm ci`, cause);
  }
}

function noBackend(platform: string, why: string, cause?: unknown): LogicError {
  return new LogicError(
    'bad_setup',
    `llama.cpp cannot run on this machine (${platform}): ${why}. A llama-server elsewhere can stand in: --llm-socket`,
    cause,
  );
}
