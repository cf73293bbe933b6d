import { DomainError } from '../../domain/errors.ts';
import { FILE_EXTENSION, type ImageMimeType } from '../../domain/images.ts';
import type { PictureBytes } from '../../media/picture.ts';
import type { AddressThrottle } from '../address-throttle.ts';
import { readRange } from './byte-range.ts';
import { type FoundResult, openResult, type ResultDeps } from './find-result.ts';

/** What a download needs. */
export interface DownloadDeps extends ResultDeps {
  readonly throttle: AddressThrottle;
}

/** Which result, and which part of it. */
export interface DownloadRequest {
  readonly jobId: string;
  readonly which: 'picture' | 'thumbnail';
  readonly range: string | undefined;
  readonly ifRange?: string | undefined;
  readonly clientAddress: string;
}

/** An answer that is ready to be sent. */
export interface Download {
  readonly status: 200 | 206;
  readonly mimeType: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Open; whoever sends it closes it. */
  readonly file: PictureBytes;
}

/**
 * Opens a result for sending. A result never changes, so its checksum is a strong `ETag`.
 *
 * @throws DomainError `rate_limited`, `result_not_found`, `result_expired`, `range_not_satisfiable`; the file is closed then.
 */
export async function downloadResult(deps: DownloadDeps, request: DownloadRequest): Promise<Download> {
  await deps.throttle.take(request.clientAddress);
  const found = await openResult(deps, request.jobId, request.which);
  const { handle, sizeBytes } = found.file;
  const etag = request.which === 'picture' ? `"${found.sha256}"` : `"${found.sha256}-thumbnail"`;
  const mayRange = request.ifRange === undefined || request.ifRange === etag;
  const range = readRange(mayRange ? request.range : undefined, sizeBytes);
  if (range.kind === 'unsatisfiable') {
    await handle.close();
    throw new DomainError('range_not_satisfiable', `The result has ${sizeBytes} bytes.`, {
      details: { size_bytes: sizeBytes },
    });
  }
  const headers = { ...headersOf(found, request.which), ETag: etag };
  if (range.kind === 'whole')
    return { status: 200, mimeType: found.mimeType, headers, file: { kind: 'file', handle, offset: 0, sizeBytes } };
  const last = range.offset + range.sizeBytes - 1;
  return {
    status: 206,
    mimeType: found.mimeType,
    headers: { ...headers, 'Content-Range': `bytes ${range.offset}-${last}/${sizeBytes}` },
    file: { kind: 'file', handle, offset: range.offset, sizeBytes: range.sizeBytes },
  };
}

function headersOf(found: FoundResult, which: DownloadRequest['which']): Record<string, string> {
  const extension = FILE_EXTENSION[found.mimeType as ImageMimeType];
  return {
    'Cache-Control': `private, max-age=${found.leftSeconds}`,
    Expires: found.expiresAt.toUTCString(),
    'PhotoChanger-Result-Expires-At': found.expiresAt.toISOString(),
    'Accept-Ranges': 'bytes',
    ...(which === 'picture' && { 'Content-Disposition': `attachment; filename="${found.jobId}.${extension}"` }),
  };
}
