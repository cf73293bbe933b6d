import type { Handler } from '../src/contract/handler.ts';
import { availabilityView } from '../src/services/provider/availability-view.ts';
import { type CloseCircuitDeps, closeCircuit } from '../src/services/provider/close-circuit.ts';

/** Lets a provider be called again at once. */
export const closeProviderCircuit =
  (deps: CloseCircuitDeps): Handler<'closeProviderCircuit'> =>
  async ({ params }, { actor }) => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: availabilityView(await closeCircuit(deps, actor, params.provider_id)),
  });
