import { failedCall } from '../call-failure.ts';
import { downloadImage } from '../guarded-download.ts';
import type { CallContext, CallOutcome } from '../provider.ts';
import type { Verdict } from '../verdict.ts';
import type { Asker, Reply } from './ask-service.ts';
import { judgeEmpty } from './judge-answer.ts';
import { readText } from './read-pointer.ts';

/** A call's context, and the key it is made with. */
export type KeyedContext = CallContext & { readonly key: string };

/** What a finished job brought; `passing`: its picture may be had a little later. */
export type Fetched =
  | Exclude<CallOutcome, { outcome: 'ticket' }>
  | { readonly outcome: 'passing'; readonly verdict: Verdict };

/** The picture of a finished job, from inside its document or from where that says. Without one, no memory is kept. */
export async function fetchPicture(
  { service, client, takeSlab }: Asker,
  { document, picture }: Extract<Reply, { kind: 'document' }>,
  { key, signal }: KeyedContext,
): Promise<Fetched> {
  if (picture !== undefined)
    return { outcome: 'done', image: { bytes: picture.bytes, release: () => picture.release() } };
  const links = service.image.as === 'url' ? service.image.at.map((pointer) => readText(document, pointer)) : [];
  const url = links.find((link) => link !== undefined);
  if (url === undefined) return failedCall(judgeEmpty(service, document), key);
  const wish = { url, hosts: service.hosts.results, charged: 'yes', signal } as const;
  const downloaded = await downloadImage(client, takeSlab, wish);
  if (downloaded.outcome === 'done') return downloaded;
  const { reason, ...failure } = downloaded.failure;
  const verdict = { ...failure, words: [reason] };
  const isPassing = failure.kind === 'unavailable' || failure.kind === 'throttled';
  return isPassing ? { outcome: 'passing', verdict } : failedCall(verdict, key);
}
