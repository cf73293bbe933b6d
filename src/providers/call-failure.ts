/** How calls over HTTP fail before, and besides, what a service says. */
import { AnswerFault } from './answer-fault.ts';
import type { ProviderFailure } from './provider.ts';
import { reasonText } from './reason.ts';
import { SourceFault } from './request-body.ts';
import type { Verdict } from './verdict.ts';

/** What an HTTP header can carry and a key consists of. */
const KEY_PATTERN = /^[\x21-\x7e]+$/;

/** The key without the space around it; undefined where there is none. */
export function trimmedKey(apiKey: string | undefined): string | undefined {
  const key = apiKey?.trim();
  return key === '' ? undefined : key;
}

/** The key as it may be sent, or why a call cannot be made with it. */
export function usableKey(apiKey: string | undefined): { readonly key: string } | { readonly fault: Verdict } {
  const key = trimmedKey(apiKey);
  if (key === undefined) return { fault: unsent('invalid_key', 'no API key is set') };
  if (!KEY_PATTERN.test(key)) return { fault: unsent('invalid_key', 'the API key has characters no key can have') };
  return { key };
}

/** A call that is not made, because it could not succeed. */
export function unsent(kind: 'invalid_key' | 'bad_request', words: string): Verdict {
  return { kind, retryable: false, charged: 'no', words: [words] };
}

/** Judges what an exchange threw. @param wasSent whether the service had the whole request. */
export function judgeFault(error: unknown, wasSent: boolean): Verdict {
  if (error instanceof AnswerFault) {
    return { kind: error.kind, retryable: error.retryable, charged: 'maybe', words: [error.message] };
  }
  if (error instanceof SourceFault) return unsent('bad_request', error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  const words = ['the connection failed', typeof code === 'string' ? code : undefined, message];
  return { kind: 'unavailable', retryable: true, charged: wasSent ? 'maybe' : 'no', words };
}

/** The outcome that tells a verdict. */
export function failedCall(
  { words, ...failure }: Verdict,
  apiKey: string | undefined,
): { readonly outcome: 'failed'; readonly failure: ProviderFailure } {
  return { outcome: 'failed', failure: { ...failure, reason: reasonText(words, apiKey) } };
}
