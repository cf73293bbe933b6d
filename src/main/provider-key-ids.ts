import { createHash } from 'node:crypto';

/** Keeps the digests of keys of other parts of the system apart from these. */
const DOMAIN = 'photochanger provider key\0';

/** Names a key without telling it: what is known of a provider is known of one key. Without a key the name is empty. */
export function createKeyIds(keyOf: (providerId: string) => string | undefined): (providerId: string) => string {
  const known = new Map<string, { readonly key: string; readonly id: string }>();
  return (providerId) => {
    const key = keyOf(providerId)?.trim() ?? '';
    if (key === '') return '';
    const before = known.get(providerId);
    if (before?.key === key) return before.id;
    const id = createHash('sha256').update(DOMAIN).update(key).digest('hex').slice(0, 16);
    known.set(providerId, { key, id });
    return id;
  };
}
