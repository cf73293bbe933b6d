/**
 * How an uploaded picture is received: the shapes that the HTTP side (which reads the multipart body) and the use case (which
 * decides what is accepted) agree on. The bytes go to disk while they arrive; they are never whole in memory.
 */
import type { ImageFacts } from '../domain/images.ts';

/**
 * Judges a picture by its bytes while they arrive, without decoding it. Both methods throw a `DomainError`
 * (`unsupported_media_type` or `invalid_payload`) as soon as the fault is certain.
 */
export interface ImageInspector {
  push(chunk: Buffer): void;
  /** Called once after the last chunk. @returns what the header says. */
  end(): ImageFacts;
}

/** The head of a file part, as the client sent it: hostile text, capped at 255 characters. */
export interface UploadedPart {
  readonly fieldName: string;
  readonly fileName: string | undefined;
  readonly declaredMimeType: string;
}

/** Where an accepted part goes. The file is created exclusively (mode 0600) and removed again if the upload fails. */
export interface PartReceiver {
  readonly path: string;
  readonly inspector: ImageInspector;
}

/** The questions an upload asks while it arrives. */
export interface UploadHooks {
  /** Told of every piece of the body as it is read, whatever becomes of it. */
  onBytes?(sizeBytes: number): void;
  /** Called for each text field in the order of arrival. Throws a `DomainError` to refuse the upload at once. */
  onField?(name: string, value: string): void;
  /**
   * Called when a file part begins, with the text fields that came before it. Answers where to put it, or nothing to skip the
   * part; rejects with a `DomainError` to refuse the upload at once.
   */
  onFile(part: UploadedPart, fields: ReadonlyMap<string, string>): Promise<PartReceiver | undefined>;
  /** Told of every file part after the accepted one: it is passed over. Throws a `DomainError` to refuse the upload at once. */
  onExtraFile?(part: UploadedPart): void;
}

/** How much an upload may bring. Sizes in bytes, times in milliseconds. */
export interface UploadLimits {
  /** The largest accepted file; one byte more is `payload_too_large`. */
  readonly fileSizeBytesMax: number;
  readonly fieldsMax: number;
  readonly fieldSizeBytesMax: number;
  /** Text fields, file parts and skipped parts together. */
  readonly partsMax: number;
  /** The longest pause between two pieces of the body before the connection is given up. */
  readonly idleTimeoutMs: number;
}

/** The accepted file, on disk. */
export interface ReceivedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly fileName: string | undefined;
  readonly facts: ImageFacts;
}

/** An upload that was received whole. */
export interface ReceivedUpload {
  /** The first value of every text field, in the order of arrival. */
  readonly fields: ReadonlyMap<string, string>;
  /** The first accepted file; missing when no part was accepted. */
  readonly file: ReceivedFile | undefined;
}

/**
 * Reads the whole multipart body. After a rejection no file of this upload is left on disk.
 *
 * @param signal ends the upload (the window closed, the server stops): rejects with its `reason`.
 * @throws DomainError `invalid_payload` (malformed body, too many or too long fields), `payload_too_large`, whatever the hooks
 * throw, or `storage_unavailable` when the disk refuses.
 */
export type ReceiveUpload = (hooks: UploadHooks, limits: UploadLimits, signal: AbortSignal) => Promise<ReceivedUpload>;
