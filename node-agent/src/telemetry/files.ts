/**
 * The file operations of the state writer, each with a label: a fault test wraps them and fails exactly one,
 * then looks at what is on the disk.
 */
import { type FileHandle, open, rename } from 'node:fs/promises';

/** In the order in which a text is written. */
export const FILE_LABELS = [
  'state.temp.open',
  'state.temp.write',
  'state.temp.sync',
  'state.temp.close',
  'state.rename',
  'state.dir.open',
  'state.dir.sync',
  'state.dir.close',
] as const;
export type FileLabel = (typeof FILE_LABELS)[number];

export interface FileOperations {
  open(label: FileLabel, path: string, flags: 'w' | 'r'): Promise<FileHandle>;
  write(label: FileLabel, file: FileHandle, text: string): Promise<void>;
  sync(label: FileLabel, file: FileHandle): Promise<void>;
  close(label: FileLabel, file: FileHandle): Promise<void>;
  rename(label: FileLabel, from: string, to: string): Promise<void>;
}

export const diskFiles: FileOperations = {
  open: (_label, path, flags) => open(path, flags, 0o644),
  write: (_label, file, text) => file.writeFile(text),
  sync: (_label, file) => file.sync(),
  close: (_label, file) => file.close(),
  rename: (_label, from, to) => rename(from, to),
};
