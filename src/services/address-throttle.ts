import { RateLimiterMemory } from 'rate-limiter-flexible';
import { DomainError } from '../domain/errors.ts';

/** Limits how often one address may ask. */
export interface AddressThrottle {
  /** Counts one request. @throws DomainError `rate_limited` with the wait. */
  take(address: string): Promise<void>;
}

/** Each process counts for itself, and forgets when it ends. */
export function createAddressThrottle({ requestsPerMinute }: { requestsPerMinute: number }): AddressThrottle {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 });
  return {
    async take(address) {
      try {
        await limiter.consume(address);
      } catch (refusal) {
        const waitMs = (refusal as { msBeforeNext?: number }).msBeforeNext ?? 1_000;
        throw new DomainError('rate_limited', 'Too many requests from this address. Wait a little.', {
          cause: refusal,
          retryAfterSeconds: Math.ceil(waitMs / 1000),
        });
      }
    },
  };
}
