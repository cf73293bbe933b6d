import { lookup } from 'node:dns/promises';
import { isPublicAddress } from '../providers/address-guard.ts';
import type { ProbePublicAddress } from '../services/slot/slot-warnings.ts';

/** How a look is bounded; a test may see loopback as a stranger would see the internet. */
export interface ProbeLimits {
  readonly timeoutMs?: number;
  readonly isPublic?: (address: string) => boolean;
}

const TIMEOUT_MS = 2_000;

/**
 * Looks at the server's own base URL from where the server is: resolves its host, and asks `/healthz` there unless no stranger could.
 * One request, to that address only, without following redirects; all in all two seconds at most. A name that resolves to a private
 * address here may resolve to a public one elsewhere: that is why it is no more than a warning.
 */
export async function probePublicAddress(
  baseUrl: string,
  { timeoutMs = TIMEOUT_MS, isPublic = isPublicAddress }: ProbeLimits = {},
): ReturnType<ProbePublicAddress> {
  const control = new AbortController();
  const { promise: over, reject } = Promise.withResolvers<never>();
  // nobody may be waiting for it any more
  over.catch(() => undefined);
  const timer = setTimeout(() => {
    control.abort();
    reject(new Error('no answer in time'));
  }, timeoutMs);
  try {
    const { hostname } = new URL(baseUrl);
    const found = await Promise.race([lookup(hostname.replace(/^\[(.*)\]$/, '$1'), { all: true }), over]);
    if (found.every(({ address }) => !isPublic(address))) return 'private';
    const answer = await fetch(`${baseUrl}/healthz`, { redirect: 'manual', signal: control.signal });
    await answer.body?.cancel();
    return answer.status === 200 ? 'answers' : 'silent';
  } catch {
    return 'silent';
  } finally {
    clearTimeout(timer);
  }
}
