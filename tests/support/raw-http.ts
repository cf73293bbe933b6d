import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that sends exactly the bytes it is told to, and shows exactly what came back. */
export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  readonly received: string;
  /** Resolves when the bytes were handed to the kernel, or the connection is gone. */
  send(bytes: string | Buffer): Promise<void>;
  /** Waits until what was received matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when the connection is closed, in whichever way, with everything received. */
  readonly closed: Promise<string>;
}

/** @param options.isReading false: takes nothing from the network until `socket.resume()`. */
export async function connectRaw(port: number, options: { isReading?: boolean } = {}): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay(true);
  let received = '';
  let isClosed = false;
  let check = (): void => {};
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      isClosed = true;
      check();
      resolve(received);
    });
  });
  // a reset is an ending like others; what matters is what was received before
  socket.on('error', () => {});
  socket.on('data', (piece) => {
    received += piece.toString('latin1');
    check();
  });
  if (options.isReading === false) socket.pause();
  return {
    socket,
    get received() {
      return received;
    },
    closed,
    send: (bytes) =>
      new Promise((resolve) => {
        if (isClosed) resolve();
        else socket.write(bytes, () => resolve());
      }),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        check = () => {
          const match = pattern.exec(received);
          if (match !== null) resolve(match);
          else if (isClosed) reject(new Error(`Closed before ${pattern} came; received: ${received.slice(0, 500)}`));
        };
        check();
      }),
  };
}

/** A request's head; `headers` as lines without line ends. */
export function requestHead(headers: readonly string[], line = 'POST /ingest/slot-001 HTTP/1.1'): string {
  return [line, 'Host: localhost', ...headers, '', ''].join('\r\n');
}
