import { listOf, recordOf, textOf } from '../json-reading.ts';
import type { Verdict } from '../verdict.ts';

/**
 * Says why a document with status 200 holds no picture. The service names no reason: refusals are errors with a status. A picture
 * that lies elsewhere was made and paid for; it is not fetched, as the models in use never answer so.
 */
export function classifyDocument(document: unknown): Verdict {
  const entries = listOf(recordOf(document)['data']).map(recordOf);
  if (entries.some((entry) => textOf(entry['url']) !== undefined)) {
    const words = ['the answer names an address instead of holding the picture'];
    return { kind: 'bad_answer', retryable: false, charged: 'yes', words };
  }
  return { kind: 'empty', retryable: true, charged: 'maybe', words: ['the answer has no picture'] };
}
