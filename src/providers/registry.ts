import type { Provider } from './provider.ts';

/** The providers by id, in the order given. @throws Error when two share an id. */
export function createRegistry(providers: readonly Provider[]): ReadonlyMap<string, Provider> {
  const registry = new Map<string, Provider>();
  for (const provider of providers) {
    const { id } = provider.description;
    if (registry.has(id)) throw new Error(`two providers are called "${id}"`);
    registry.set(id, provider);
  }
  return registry;
}
