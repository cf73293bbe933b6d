/** What the request's head alone decides about an upload, before a byte of its body is read. */
import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '../../domain/errors.ts';
import { parseParameterisedValue } from './header-parameters.ts';
import { invalidPayload, payloadTooLarge } from './upload-errors.ts';

/** What a form may hold besides the file: text fields, part heads, skipped parts. */
const FORM_OVERHEAD_BYTES_MAX = 1024 * 1024;

/** RFC 2046 §5.1.1: 1 to 70 characters of this set, the last one not a blank. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** The largest whole body of an upload whose file may have `fileSizeBytesMax` bytes. */
export function bodySizeBytesMax(fileSizeBytesMax: number): number {
  return fileSizeBytesMax + FORM_OVERHEAD_BYTES_MAX;
}

/**
 * Checks that the body is an unpacked form which can be within the limits.
 *
 * @returns the boundary between the parts.
 * @throws DomainError `unsupported_media_type` (another type; any content or transfer coding, so that no packed bomb is ever
 * opened), `invalid_payload` (no usable boundary), `payload_too_large` (the declared length is certainly over the limit).
 */
export function checkUploadHead(headers: IncomingHttpHeaders, fileSizeBytesMax: number): string {
  const type = parseParameterisedValue(headers['content-type'] ?? '');
  if (type?.value !== 'multipart/form-data') {
    if (type !== undefined || !/^\s*multipart\/form-data\s*;/i.test(headers['content-type'] ?? '')) {
      throw new DomainError('unsupported_media_type', 'Send the body as multipart/form-data.', {
        details: { accepted: ['multipart/form-data'] },
      });
    }
    throw invalidPayload('The Content-Type of the form is malformed.');
  }
  if (!isAbsentOr('identity', headers['content-encoding']) || !isAbsentOr('chunked', headers['transfer-encoding'])) {
    throw new DomainError('unsupported_media_type', 'The body must not be compressed.');
  }
  const boundary = type.parameters.get('boundary') ?? '';
  if (!BOUNDARY.test(boundary)) throw invalidPayload('The form needs a boundary of 1 to 70 allowed characters.');
  if (Number(headers['content-length'] ?? 0) > bodySizeBytesMax(fileSizeBytesMax)) {
    throw payloadTooLarge(fileSizeBytesMax);
  }
  return boundary;
}

function isAbsentOr(allowed: string, header: string | undefined): boolean {
  return header === undefined || header.trim().toLowerCase() === allowed;
}
