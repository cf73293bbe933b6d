import type { GuardedClient } from '../guarded-client.ts';
import type { ProviderTicket } from '../provider.ts';
import type { Verdict } from '../verdict.ts';
import { readPointer, readText } from './read-pointer.ts';
import type { PollServiceDescription } from './service-description.ts';

/** Ids are UUIDs and the like; anything longer is none. */
const ID_LENGTH_MAX = 200;

/** The ticket in the answer to a submitted job, all its URLs judged; or why the job, perhaps paid for, can never be asked for. */
export function readTicket(
  { ticket: places, hosts, image }: PollServiceDescription,
  client: GuardedClient,
  document: unknown,
): { readonly ticket: ProviderTicket } | { readonly fault: Verdict } {
  const id = readPointer(document, places.id);
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '' || String(id).length > ID_LENGTH_MAX)
    return refused('the answer names no job');
  const links = {
    pollUrl: readText(document, places.pollUrl),
    resultUrl: readText(document, places.resultUrl),
    cancelUrl: readText(document, places.cancelUrl),
  };
  if (links.pollUrl === undefined) return refused('the answer names no URL to ask at');
  if (image.fromResultUrl && links.resultUrl === undefined) return refused('the answer names no URL of the result');
  const given = Object.entries(links).filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (const [name, link] of given) {
    const judged = client.judge(link, hosts.api);
    if ('fault' in judged) return refused(`the ${name} was refused`, judged.fault);
  }
  return { ticket: { id: String(id), ...Object.fromEntries(given) } };
}

const refused = (...words: string[]): { readonly fault: Verdict } => ({
  fault: { kind: 'bad_answer', retryable: false, charged: 'maybe', words },
});
