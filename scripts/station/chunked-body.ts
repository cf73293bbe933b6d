import { StationError } from './station-error.ts';

/** Takes a body of transfer coding `chunked` apart (RFC 9112, section 7.1). Extensions and trailers are skipped. */
export interface ChunkedBody {
  /** @returns whether the body is complete. @throws StationError `malformed_answer` */
  push(bytes: Buffer): boolean;
}

type Expecting = 'size' | 'content' | 'content_end' | 'trailer' | 'nothing';

const LINE_BYTES_MAX = 4096;

/** @param onContent gets each piece of content as it comes. */
export function createChunkedBody(onContent: (piece: Buffer) => void): ChunkedBody {
  let expecting: Expecting = 'size';
  let contentLeft = 0;
  let line = '';

  const takeLine = (): void => {
    if (expecting === 'content_end') {
      expecting = 'size';
    } else if (expecting === 'trailer') {
      if (line === '') expecting = 'nothing';
    } else {
      contentLeft = chunkSize(line);
      expecting = contentLeft === 0 ? 'trailer' : 'content';
    }
    line = '';
  };

  const takeContent = (bytes: Buffer): number => {
    const piece = bytes.subarray(0, contentLeft);
    onContent(piece);
    contentLeft -= piece.length;
    if (contentLeft === 0) expecting = 'content_end';
    return piece.length;
  };

  const takeText = (bytes: Buffer): number => {
    const end = bytes.indexOf('\n');
    line += bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
    if (line.length > LINE_BYTES_MAX)
      throw new StationError('malformed_answer', 'A chunk of the answer has an endless header.');
    if (end === -1) return bytes.length;
    line = line.replace(/\r$/, '');
    takeLine();
    return end + 1;
  };

  return {
    push(bytes) {
      let rest = bytes;
      while (rest.length > 0 && expecting !== 'nothing') {
        rest = rest.subarray(expecting === 'content' ? takeContent(rest) : takeText(rest));
      }
      return expecting === 'nothing';
    },
  };
}

function chunkSize(line: string): number {
  const digits = /^([0-9a-fA-F]{1,8})\s*(;|$)/.exec(line)?.[1];
  if (digits === undefined)
    throw new StationError('malformed_answer', `"${line.slice(0, 40)}" is not the size of a chunk.`);
  return Number.parseInt(digits, 16);
}
