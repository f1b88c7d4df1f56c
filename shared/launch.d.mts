/** Types of launch.mjs, which stays plain JavaScript because an old Node must be able to read it. */
export const NODE_VERSION: string;
export const NODE_MAJOR: number;
export const HEAP_FLAGS: readonly string[];
export const COORDINATOR_HEAP: readonly string[];
export const SEMANTIC_HEAP: readonly string[];
export const SEMANTIC_ENVIRONMENT: Readonly<Record<string, string>>;
export const ROOT: string;
export const COMPILE_CACHE: string;
export const NODE_PACKAGE: string;
export function findNode(where?: { running?: string; pinned?: string }): string | null;
export function launch(
  entryUrl: string | URL,
  options?: { heapFlags?: boolean; heap?: readonly string[] },
): Promise<void>;
export function become(
  node: string,
  args: readonly string[],
  options?: { env?: NodeJS.ProcessEnv },
): Promise<never>;
export function endWithParent(): void;
