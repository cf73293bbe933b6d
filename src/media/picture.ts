import type { FileHandle } from 'node:fs/promises';

/** The bytes of a picture on their way out: still in memory, or on disk. Whoever sends them releases or closes them, once. */
export type PictureBytes =
  | { readonly kind: 'memory'; readonly parts: readonly Buffer[]; readonly sizeBytes: number; release?(): void }
  | { readonly kind: 'file'; readonly handle: FileHandle; readonly offset: number; readonly sizeBytes: number };

/** A finished picture and who made it. */
export interface Picture {
  readonly bytes: PictureBytes;
  readonly mimeType: string;
  readonly providerId: string;
}
