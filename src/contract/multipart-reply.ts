/**
 * An answer in parts (RFC 7578): what is to be known of a picture, and the picture, with its length known beforehand. Breeze Booth's
 * page on post-processing (help.breezesoftware.com) asks for a JSON metadata block and the image file, and says no more of them here.
 */
import { randomBytes } from 'node:crypto';
import type { components } from '../../generated/types.ts';
import type { ByteBody } from './handler.ts';

/** The JSON part beside a picture. */
export type IngestedPicture = components['schemas']['IngestedPicture'];

type WholeBody = Exclude<ByteBody, { readonly kind: 'stream' }>;

/** A file on its way into an answer. */
export interface RepliedFile {
  readonly name: string;
  /** Letters, digits, dots and dashes. */
  readonly fileName: string;
  readonly mimeType: string;
  readonly bytes: WholeBody;
}

/** An answer of parts, ready to be sent. */
export interface MultipartReply {
  readonly contentType: `multipart/form-data; boundary=${string}`;
  readonly bytes: ByteBody;
}

const READ_BYTES = 128 * 1024;

/**
 * Puts a JSON value and a file into one body, without copying the file. Whoever sends it releases or closes the file by it, sent or
 * not, as with any body.
 */
export function multipartReply(name: string, value: IngestedPicture, file: RepliedFile): MultipartReply {
  // with 128 random bits it is not in the file, which therefore need not be searched for it
  const boundary = `photochanger-${randomBytes(16).toString('hex')}`;
  const head = Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: application/json\r\n\r\n` +
      `${JSON.stringify(value)}\r\n` +
      `--${boundary}\r\nContent-Disposition: form-data; name="${file.name}"; filename="${file.fileName}"\r\n` +
      `Content-Type: ${file.mimeType}\r\n\r\n`,
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes: between(head, file.bytes, tail) };
}

function between(head: Buffer, bytes: WholeBody, tail: Buffer): ByteBody {
  const sizeBytes = head.length + bytes.sizeBytes + tail.length;
  if (bytes.kind === 'memory') {
    const release = () => bytes.release?.();
    return { kind: 'memory', parts: [head, ...bytes.parts, tail], sizeBytes, release };
  }
  const { handle } = bytes;
  const pieces = readBetween(head, bytes, tail);
  const chunks: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => ({
      next: () => pieces.next(),
      // also of a generator that was never begun
      async return() {
        await pieces.return();
        await handle.close();
        return { done: true, value: undefined };
      },
    }),
  };
  return { kind: 'stream', chunks, sizeBytes };
}

async function* readBetween(
  head: Buffer,
  { handle, offset, sizeBytes }: WholeBody & { kind: 'file' },
  tail: Buffer,
): AsyncGenerator<Buffer, void, undefined> {
  yield head;
  // each piece is sent before the next one is asked for
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, sizeBytes));
  for (let read = 0; read < sizeBytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, sizeBytes - read), offset + read);
    if (bytesRead === 0) throw new Error(`The file ended ${sizeBytes - read} bytes before its stated size.`);
    read += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  yield tail;
}
