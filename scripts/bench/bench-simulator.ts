/** The simulated Gemini of the benchmarks, in a process of its own, and calls to it without our server in between. */
import { Agent, request } from 'node:http';
import type { GeminiBehaviour } from '../simulators/gemini-behaviour.ts';
import { probeArguments } from './bench-server.ts';
import { startChild } from './child.ts';
import type { Picture } from './pictures.ts';

/** The call that every photo becomes. */
export const MODEL_PATH = '/v1beta/models/gemini-3.1-flash-image:generateContent';

export interface BenchSimulator {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the simulator: it does not look at requests, and a success is one prepared buffer with `answer` in it. */
export async function startBenchSimulator(options: {
  answer: Picture;
  otherwise: GeminiBehaviour;
  /** Used up in order before `otherwise`. */
  planned?: readonly GeminiBehaviour[];
}): Promise<BenchSimulator> {
  const { answer, otherwise, planned = [] } = options;
  const args = ['gemini', '--cheap', '--answer', answer.path, '--default', JSON.stringify(otherwise)];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  const child = startChild('scripts/simulators/main.ts', [...args, '--script', JSON.stringify(planned)], {
    nodeArguments: probeArguments(),
    onOutput: (text) => {
      output += text;
      if (output.includes('\n')) resolve((JSON.parse(output) as { url: string }).url);
    },
  });
  void child.ended.then(() => reject(new Error(`the simulator ended: ${child.complaints()}`)));
  return { url: await promise, stop: () => child.end() };
}

/** Makes the same call as the server does, without it; the provider's own share of a photo's time. */
export interface BareCall {
  /** @returns milliseconds until the last byte of the answer, which is thrown away. */
  call(): Promise<number>;
  close(): void;
}

/** The body is made once and has the size of the server's; connections are kept. */
export function createBareCall(simulator: BenchSimulator, photo: Picture): BareCall {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const parts = [
    { text: 'Turn the guests into a comic.' },
    { inlineData: { mimeType: 'image/jpeg', data: photo.bytes.toString('base64') } },
  ];
  const body = Buffer.from(JSON.stringify({ contents: [{ parts }] }));
  const headers = {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-goog-api-key': 'bench-key',
  };
  const call = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const startedAt = performance.now();
      request(new URL(MODEL_PATH, simulator.url), { method: 'POST', agent, headers }, (response) => {
        response.on('data', () => {});
        response.once('error', reject);
        response.once('end', () => {
          if (response.statusCode === 200) resolve(performance.now() - startedAt);
          else reject(new Error(`the simulator answered ${response.statusCode}`));
        });
      })
        .once('error', reject)
        .end(body);
    });
  return { call, close: () => agent.destroy() };
}
