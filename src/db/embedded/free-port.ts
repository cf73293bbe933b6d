import { createServer } from 'node:net';

/** Below 32768: from there on the system hands out ports to outgoing connections, any of which may hold ours at a restart. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
const TRIES_MAX = 50;

/** Whether a server could listen on 127.0.0.1 at this port now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A random free port of 20000–32767. Another program may take it before it is used: be ready to ask again. */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (await isPortFree(port)) return port;
  }
  throw new Error(`No free port found between ${FIRST_PORT} and ${LAST_PORT} in ${TRIES_MAX} tries`);
}
