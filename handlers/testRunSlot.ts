import type { Handler } from '../src/contract/handler.ts';
import type { TestRunDeps } from '../src/services/test-run/test-run-deps.ts';
import { testRunView } from '../src/services/test-run/test-run-view.ts';
import { testSlot } from '../src/services/test-run/test-slot.ts';

/** Tries a slot with a photo, without saving anything. */
export const testRunSlot =
  (deps: TestRunDeps): Handler<'testRunSlot'> =>
  async ({ params }, { actor, arrivedAt, clientAddress, receiveUpload, gone }) => {
    const request = { slotId: params.slot_id, arrivedAt, clientAddress, receiveUpload, gone };
    const run = await testSlot(deps, actor, request);
    return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: testRunView(deps, run) };
  };
