import type { Handler } from '../src/contract/handler.ts';

/** Serves the contract itself. */
export const getContract =
  (document: () => Buffer): Handler<'getContract'> =>
  async () => {
    const bytes = document();
    return {
      status: 200,
      contentType: 'application/json',
      headers: { 'Cache-Control': 'no-cache' },
      bytes: { kind: 'memory', parts: [bytes], sizeBytes: bytes.length },
    };
  };
