/**
 * The connections of a server, and what is being answered on them. Node closes only connections that are idle at the moment of
 * `close`; one that never sent a byte, or becomes idle later, would hold up the end of the process.
 */
import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What the server knows of its connections. */
export interface Connections {
  /** Counts an answer in; to be called for every request. */
  open(res: ServerResponse): void;
  /** Whether bytes of an answer are on this connection already. */
  isAnswering(socket: Duplex): boolean;
  /** From now on a connection ends with the answer it is waiting for, and at once where it waits for none. */
  end(): void;
}

/** Watches a server's connections from their beginning. */
export function watchConnections(server: Server): Connections {
  const sockets = new Set<Duplex>();
  const answers = new Set<ServerResponse>();
  let isEnding = false;
  const isBusy = (socket: Duplex) => [...answers].some((res) => res.req.socket === socket);
  function onAnswerClose(this: ServerResponse): void {
    answers.delete(this);
    if (isEnding && !isBusy(this.req.socket)) this.req.socket.destroy();
  }
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    open(res) {
      answers.add(res);
      if (isEnding) res.setHeader('Connection', 'close');
      res.on('close', onAnswerClose);
    },
    isAnswering: (socket) => [...answers].some((res) => res.req.socket === socket && res.headersSent),
    end() {
      isEnding = true;
      for (const res of answers) if (!res.headersSent) res.setHeader('Connection', 'close');
      const busy = new Set<Duplex>([...answers].map((res) => res.req.socket));
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
    },
  };
}
