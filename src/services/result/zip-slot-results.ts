import type { Db } from '../../db/db.ts';
import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { FILE_EXTENSION, type ImageMimeType } from '../../domain/images.ts';
import type { MediaStore } from '../../media/store.ts';
import { listResultFilesAfter, type ResultFile, type ResultWalk } from '../../repositories/results.ts';
import { needDatabase } from '../database-fault.ts';
import { type ZipEntry, zipStream } from './zip-stream.ts';

/** How many results are asked for at once; what is kept in memory is one such bite. */
const BITE = 100;
const EARLIEST = Date.UTC(2000, 0);
const LATEST = Date.UTC(2101, 0) - 1;

/** What packing needs. */
export interface ZipDeps {
  readonly db: Db;
  readonly store: Pick<MediaStore, 'openFile'>;
  readonly now: () => Date;
}

/** Which results. */
export interface ZipRequest {
  readonly slotId: string;
  /** A date or a date-time (RFC 3339): finished then or later. */
  readonly from: string | undefined;
  /** The same: finished before. */
  readonly to: string | undefined;
}

/** An archive that is made while it is read. */
export interface ResultArchive {
  readonly fileName: string;
  /** Nothing is open before the first piece is asked for. */
  readonly chunks: AsyncIterable<Buffer>;
}

/** A bite, and when it was read on the process's monotonic clock. */
interface Bite {
  readonly files: readonly ResultFile[];
  readonly readAtMs: number;
}

/**
 * All live results of a slot as one ZIP archive, in the order of their completion. What expires, or is deleted, while the client
 * reads is left out; a slot without results gives an empty archive.
 *
 * @throws DomainError `invalid_request`, `queue_unavailable` before the first byte; a fault after it ends the stream with an error.
 */
export async function zipSlotResults(deps: ZipDeps, request: ZipRequest): Promise<ResultArchive> {
  const walk = walkOf(request);
  const first = await readBite(deps, walk, undefined);
  return {
    fileName: `${walk.slotId}_${deps.now().toISOString().slice(0, 10)}.zip`,
    chunks: zipStream(openEntries(deps, walk, first)),
  };
}

function walkOf({ slotId, ...range }: ZipRequest): ResultWalk {
  const faults: FieldFault[] = [];
  const walk = { slotId, from: momentOf('from', range.from, faults), to: momentOf('to', range.to, faults) };
  if (walk.from !== undefined && walk.to !== undefined && walk.from >= walk.to)
    faults.push({ pointer: '/query/to', message: 'must be after from', keyword: 'range' });
  if (faults.length === 0) return walk;
  throw new DomainError('invalid_request', 'There are no results of this range.', { details: { fields: faults } });
}

/** A leap second keeps to the format and is no moment here. */
function momentOf(name: 'from' | 'to', text: string | undefined, faults: FieldFault[]): Date | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (at.getTime() >= EARLIEST && at.getTime() <= LATEST) return at;
  faults.push({ pointer: `/query/${name}`, message: 'must be a moment in the years 2000 to 2100', keyword: 'format' });
  return undefined;
}

async function readBite(deps: ZipDeps, walk: ResultWalk, after: ResultFile | undefined): Promise<Bite> {
  const readAtMs = performance.now();
  return { files: await needDatabase(listResultFilesAfter(deps.db, walk, after, BITE)), readAtMs };
}

async function* openEntries(deps: ZipDeps, walk: ResultWalk, first: Bite): AsyncGenerator<ZipEntry> {
  for (let bite = first; bite.files.length > 0; bite = await readBite(deps, walk, bite.files.at(-1))) {
    for (const file of bite.files) {
      if (performance.now() - bite.readAtMs >= file.leftMs) continue;
      const opened = await deps.store.openFile(file.path);
      if (opened === undefined) continue;
      yield { name: nameOf(file), modifiedAt: file.completedAt, ...opened };
    }
    if (bite.files.length < BITE) return;
  }
}

/** `2026-05-31_18-04-59_<job>.jpg`, in UTC: sorts by time, and no two are the same. */
function nameOf({ jobId, completedAt, mimeType }: ResultFile): string {
  const time = completedAt.toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-');
  return `${time}_${jobId}.${FILE_EXTENSION[mimeType as ImageMimeType]}`;
}
