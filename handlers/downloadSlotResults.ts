import type { Handler } from '../src/contract/handler.ts';
import { type ZipDeps, zipSlotResults } from '../src/services/result/zip-slot-results.ts';

/** Serves all finished pictures of a slot as one archive, made while it is sent. */
export const downloadSlotResults =
  (deps: ZipDeps): Handler<'downloadSlotResults'> =>
  async ({ params, query: { from, to } }) => {
    const { fileName, chunks } = await zipSlotResults(deps, { slotId: params.slot_id, from, to });
    const headers = { 'Cache-Control': 'no-store', 'Content-Disposition': `attachment; filename="${fileName}"` };
    return {
      status: 200,
      contentType: 'application/zip',
      headers,
      bytes: { kind: 'stream', chunks, sizeBytes: undefined },
    };
  };
