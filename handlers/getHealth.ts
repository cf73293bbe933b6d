import type { Handler } from '../src/contract/handler.ts';

/** Says that the process answers; touches nothing. */
export const getHealth =
  (version: () => string): Handler<'getHealth'> =>
  async () => ({ status: 200, headers: { 'Cache-Control': 'no-store' }, body: { status: 'ok', version: version() } });
