import type { Handler } from '../src/contract/handler.ts';
import { type ListProvidersDeps, listProviders as list } from '../src/services/provider/list-providers.ts';
import { providerView } from '../src/services/provider/provider-view.ts';

/** Lists what can make pictures here. */
export const listProviders =
  (deps: ListProvidersDeps): Handler<'listProviders'> =>
  async () => ({
    status: 200,
    headers: { 'Cache-Control': 'no-store' },
    body: { providers: (await list(deps)).map(providerView) },
  });
