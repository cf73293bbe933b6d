/** A host of pictures on loopback, and downloads from it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, vi } from 'vitest';
import {
  createGuardedClient,
  type GuardedClient,
  type GuardedClientOptions,
} from '../../src/providers/guarded-client.ts';
import { type DownloadOutcome, type DownloadWish, downloadImage } from '../../src/providers/guarded-download.ts';
import { countingSlabs } from './gemini.ts';

/** How the host answers. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** What is asked for, and what the client may do beyond its defaults. */
export interface Asked extends Partial<DownloadWish> {
  readonly path?: string;
  readonly client?: Partial<GuardedClientOptions>;
}

export interface PictureHost {
  readonly origin: string;
  /** What was asked for, in order. */
  readonly paths: readonly string[];
  /** Slabs that were not given back. */
  lent(): number;
  setAnswer(answer: Answer): void;
  /** Downloads with a client whose only exception is this host. */
  download(asked?: Asked): Promise<DownloadOutcome>;
  /** Fails unless every slab was given back and, once all is closed, no socket is left. */
  stop(): Promise<void>;
}

/** Begins like a JPEG, and is larger than the first slab. */
export const PICTURE = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(3_000_000, 7)]);

/** An answer with this status, headers and body. */
export const send =
  (status: number, headers: Record<string, string>, body: Buffer | string = ''): Answer =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);

/** Starts a host that answers with {@link PICTURE}. */
export async function startPictureHost(): Promise<PictureHost> {
  const slabs = countingSlabs();
  const clients: GuardedClient[] = [];
  const paths: string[] = [];
  let answer: Answer = send(200, {}, PICTURE);
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer(request, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    paths,
    lent: slabs.lent,
    setAnswer: (next) => {
      answer = next;
    },
    download({ path = '/picture.jpg', client: options, ...wish } = {}) {
      const client = createGuardedClient({ connectionsMax: 2, exceptOrigins: [origin], ...options });
      clients.push(client);
      const { signal } = new AbortController();
      return downloadImage(client, slabs.takeSlab, { url: origin + path, hosts: [], charged: 'yes', signal, ...wish });
    },
    async stop() {
      expect(slabs.lent()).toBe(0);
      await Promise.all(clients.map((client) => client.close()));
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      const sockets = (): string[] => process.getActiveResourcesInfo().filter((name) => /^TCP|^TLS/.test(name));
      await vi.waitFor(() => expect(sockets()).toEqual([]), { interval: 1 });
    },
  };
}
