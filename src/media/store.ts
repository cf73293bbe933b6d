import type { FileHandle } from 'node:fs/promises';
import type { ResultMimeType } from '../domain/images.ts';

/** A file's place: what goes into rows, and what the file system is asked for. */
export interface MediaPlace {
  /** Relative to the media root, with `/` on every system. */
  readonly path: string;
  readonly absolutePath: string;
}

/** A finished picture that is to be kept. */
export interface ResultToStore {
  readonly jobId: string;
  /** The fencing token; part of the file name, so that a late worker never touches the file of the one that won. */
  readonly claimNo: number;
  readonly mimeType: ResultMimeType;
  /** The file in pieces; unchanged until the promise has settled. */
  readonly parts: readonly Buffer[];
  /** A JPEG, perhaps still being made; if that fails, nothing is stored and its error is thrown. */
  readonly thumbnail: Promise<Buffer>;
  /** Its UTC day names the folder. */
  readonly storedOn: Date;
}

/** Where pictures lie that are kept as they were received: templates of slots, and what short-lived links show. */
export type PictureFolder = 'templates' | 'public';

/** A picture that is to be kept under an id of its own. */
export interface PictureToStore {
  readonly folder: PictureFolder;
  /** A new one: a picture never takes another one's place. */
  readonly id: string;
  readonly mimeType: ResultMimeType;
  /** The file in pieces; unchanged until the promise has settled. */
  readonly parts: readonly Buffer[];
}

/** Where a result lies; paths are relative to the media root. */
export interface StoredResult {
  readonly path: string;
  readonly thumbnailPath: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** A file as the sweep for orphans sees it. */
export interface StoredFile {
  /** Relative to the media root. */
  readonly path: string;
  readonly modifiedAt: Date;
  readonly sizeBytes: number;
}

/**
 * Where payloads, results, templates and public pictures lie. All paths are relative to the media root. A disk that is full or broken, and a
 * process without file descriptors, are DomainError `storage_unavailable` with the system's error as its cause, in
 * every method.
 */
export interface MediaStore {
  /**
   * Makes the folders and proves that files can be written. May be called again.
   *
   * @throws Error that says which folder and what to do about it.
   */
  open(): Promise<void>;
  /**
   * Where a job's payload goes. Nothing is created; whoever receives the upload creates the file exclusively.
   *
   * @param extension letters and digits, without a dot.
   */
  payloadPath(jobId: string, extension: string): MediaPlace;
  /**
   * The absolute path of a file.
   *
   * @throws RangeError for a path that is not relative, not in its plain form, or leaves the root.
   */
  resolve(path: string): string;
  /**
   * Stores a picture and its thumbnail: when it resolves, both are there, and the picture survives a power cut; when it
   * rejects, neither is there. Two calls for the same job and claim end with one of the pictures, whole.
   */
  storeResult(result: ResultToStore): Promise<StoredResult>;
  /** Stores a picture: when it resolves, it is there and survives a power cut; when it rejects, nothing is there. */
  storePicture(picture: PictureToStore): Promise<Omit<StoredResult, 'thumbnailPath'>>;
  /**
   * Lets a job's payload lie at a second, private place that outlives it: a link where the file system has them, else a copy.
   *
   * @param keptOn its UTC day names the folder.
   * @returns where; nothing when there is no such payload.
   */
  keepOriginal(jobId: string, payloadPath: string, keptOn: Date): Promise<string | undefined>;
  /** Lets a kept original be the payload of a new job. @returns where; nothing when there is no such file. */
  payloadOfOriginal(jobId: string, originalPath: string): Promise<string | undefined>;
  /** Where a result's thumbnail lies. */
  thumbnailPathOf(path: string): string;
  /** The checksum of a file's bytes, in lower-case hex. @returns nothing when there is no such file. */
  sha256Of(path: string): Promise<string | undefined>;
  /** Removes a file. One that is not there is fine. */
  remove(path: string): Promise<void>;
  /** Removes a result and its thumbnail, and their day's folder if it is empty then. What is not there is fine. */
  removeResult(path: string): Promise<void>;
  /** Removes an original, and its day's folder if it is empty then. One that is not there is fine. */
  removeOriginal(path: string): Promise<void>;
  /** Opens a file for reading; the caller closes the handle. @returns nothing when there is no such file. */
  openFile(path: string): Promise<{ readonly handle: FileHandle; readonly sizeBytes: number } | undefined>;
  /** All payloads, results, thumbnails, templates, public pictures and unfinished files. What others remove or add meanwhile may be missing. */
  listFiles(): AsyncIterable<StoredFile>;
  /** The time by the clock that stamps this store's files. */
  storageNow(): Promise<Date>;
  /** What the disk still has for this process. */
  freeBytes(): Promise<number>;
  /** @throws DomainError `storage_unavailable` when the disk is below its reserve; looks at most once a second. */
  assertFreeSpace(): Promise<void>;
}
