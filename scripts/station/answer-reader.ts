import { createChunkedBody } from './chunked-body.ts';
import { StationError } from './station-error.ts';

/** The first line and the header fields of a final answer. */
export interface AnswerHead {
  readonly status: number;
  /** By lower-case name; repeated fields are joined with `, `. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface AnswerEvents {
  /** `100 Continue` came. Other interim answers are skipped. */
  onContinue(): void;
  onHead(head: AnswerHead): void;
  onEnd(body: Buffer): void;
}

/** Reads one HTTP/1.1 answer from the bytes of a connection. Methods throw StationError `malformed_answer` or `closed`. */
export interface AnswerReader {
  push(bytes: Buffer): void;
  /** The server has closed its side. */
  close(): void;
}

const HEAD_BYTES_MAX = 64 * 1024;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** Takes the body's bytes; true once it is complete. */
type BodyTaker = (bytes: Buffer) => boolean;

/** The events come in their order, `onEnd` once; bytes after the answer are ignored. */
export function createAnswerReader(events: AnswerEvents): AnswerReader {
  let headBytes: Buffer = Buffer.alloc(0);
  let takeBody: BodyTaker | undefined;
  let endsWithConnection = false;
  let isOver = false;
  let sizeBytes = 0;
  const pieces: Buffer[] = [];

  const keep = (piece: Buffer): void => {
    sizeBytes += piece.length;
    if (sizeBytes > ANSWER_BYTES_MAX) throw new StationError('malformed_answer', 'The answer never ends.');
    pieces.push(piece);
  };
  const finish = (): void => {
    isOver = true;
    events.onEnd(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces));
  };
  const startBody = (head: AnswerHead): void => {
    endsWithConnection = !head.headers.has('content-length') && !isChunked(head) && head.status !== 204;
    takeBody = bodyTaker(head, keep, () => sizeBytes);
    events.onHead(head);
  };
  /** @returns the bytes behind the head, or nothing while the head is incomplete. */
  const takeHead = (bytes: Buffer): Buffer | undefined => {
    headBytes = headBytes.length === 0 ? bytes : Buffer.concat([headBytes, bytes]);
    const end = headEnd(headBytes);
    if (end === -1) return undefined;
    const head = parseHead(headBytes.toString('latin1', 0, end));
    const rest = headBytes.subarray(end + 4);
    headBytes = Buffer.alloc(0);
    if (head.status === 100) events.onContinue();
    else if (head.status >= 200) startBody(head);
    return rest;
  };

  return {
    push(bytes) {
      let rest: Buffer | undefined = bytes;
      while (takeBody === undefined && rest !== undefined && rest.length > 0) rest = takeHead(rest);
      if (takeBody === undefined || rest === undefined || isOver) return;
      if (takeBody(rest)) finish();
    },
    close() {
      if (isOver) return;
      if (takeBody !== undefined && endsWithConnection) return finish();
      const where = takeBody === undefined ? 'before it answered' : `after ${sizeBytes} bytes of the answer's body`;
      throw new StationError('closed', `The server closed the connection ${where}.`);
    },
  };
}

/** @returns -1 while the head is incomplete. */
function headEnd(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1 && bytes.length > HEAD_BYTES_MAX) {
    throw new StationError('malformed_answer', 'The answer has an endless header.');
  }
  return end;
}

function isChunked(head: AnswerHead): boolean {
  return head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked';
}

function bodyTaker(head: AnswerHead, keep: (piece: Buffer) => void, keptBytes: () => number): BodyTaker {
  if (isChunked(head)) {
    const chunks = createChunkedBody(keep);
    return (bytes) => chunks.push(bytes);
  }
  const length = head.status === 204 ? 0 : Number(head.headers.get('content-length') ?? Number.POSITIVE_INFINITY);
  if (Number.isNaN(length))
    throw new StationError('malformed_answer', 'The answer has a Content-Length that is no number.');
  return (bytes) => {
    const piece = bytes.subarray(0, length - keptBytes());
    if (piece.length > 0) keep(piece);
    return keptBytes() >= length;
  };
}

function parseHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1];
  if (status === undefined) throw new StationError('malformed_answer', `"${first.slice(0, 60)}" is not a status line.`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new StationError('malformed_answer', `"${line.slice(0, 60)}" is not a header field.`);
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
  }
  return { status: Number(status), headers };
}
