import type { FileHandle } from 'node:fs/promises';
import type { ResultMimeType } from '../domain/images.ts';
import type { OutputWish } from '../domain/output-wish.ts';

/** The bytes of a picture on their way out: still in memory, or on disk. Whoever sends them releases or closes them, once. */
export type PictureBytes =
  | { readonly kind: 'memory'; readonly parts: readonly Buffer[]; readonly sizeBytes: number; release?(): void }
  | { readonly kind: 'file'; readonly handle: FileHandle; readonly offset: number; readonly sizeBytes: number };

/** How an answer becomes a result. */
export interface FinishOptions {
  /** Width × height that is still decoded. */
  readonly pixelsMax: number;
  /** The longer side of the thumbnail; 320 where it is left out. */
  readonly thumbnailSidePx?: number | undefined;
  readonly output?: OutputWish | undefined;
  /** The absolute path of a picture with transparency that is laid over the result and decides its shape and size. */
  readonly framePath?: string | undefined;
}

/** A picture that may be stored and sent: whole, upright, without metadata. */
export interface FinishedResult {
  /** The file in pieces. They may be views of the provider's bytes, which must stay unchanged as long as the pieces are used. */
  readonly parts: readonly Buffer[];
  readonly sizeBytes: number;
  readonly mimeType: ResultMimeType;
  readonly widthPx: number;
  readonly heightPx: number;
  /**
   * A JPEG. Making it decodes the picture, so it is also the proof that the picture is whole: it rejects with an
   * `UnacceptableImageError` when it is not. The pieces may be written meanwhile, but not sent. Never unhandled.
   */
  readonly thumbnail: Promise<Buffer>;
  /** Why the asked frame could not be laid over it; the result is whole without it. */
  readonly frameFault?: string | undefined;
}

/** Turns a provider's bytes into a result. Rejects with an `UnacceptableImageError` when they are no acceptable picture. */
export type FinishResult = (image: Buffer, options: FinishOptions) => Promise<FinishedResult>;

/** An uploaded picture that is kept: whole, upright, without metadata. */
export interface PreparedPicture {
  /** The file in pieces. */
  readonly parts: readonly Buffer[];
  readonly sizeBytes: number;
  readonly mimeType: ResultMimeType;
  /** Whether it has a channel of transparency. */
  readonly hasAlpha: boolean;
}

/** Reads and judges an uploaded file. Rejects with an `UnacceptableImageError` when it is no acceptable picture. */
export type PreparePicture = (
  absolutePath: string,
  options: { readonly pixelsMax: number },
) => Promise<PreparedPicture>;

/**
 * Takes the metadata out of a picture on disk and lets it lie upright; its pixels are decoded only where they have to be turned.
 * Rejects with an `UnacceptableImageError` when that cannot be done.
 */
export type StripPicture = (
  absolutePath: string,
  mimeType: ResultMimeType,
  options: { readonly pixelsMax: number },
) => Promise<Pick<PreparedPicture, 'mimeType' | 'parts'>>;

/** A finished picture and who made it. */
export interface Picture {
  readonly bytes: PictureBytes;
  readonly mimeType: string;
  readonly providerId: string;
  /** Which link of the slot's chain made it; 0: the slot's own provider. */
  readonly linkNo: number;
}
