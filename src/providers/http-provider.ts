import { Pool } from 'undici';
import type { Base64Decoder, TakeSlab } from './base64-decoder.ts';
import { failedCall, judgeFault, trimmedKey, unsent, usableKey } from './call-failure.ts';
import type { AnswerCollector, ErrorAnswer } from './collect-answer.ts';
import { type AnswerSink, exchange } from './exchange.ts';
import type {
  CallContext,
  CallOutcome,
  Provider,
  ProviderDescription,
  ProviderImage,
  ProviderInput,
  SourceImage,
} from './provider.ts';
import { createRequestBody, type RequestContent } from './request-body.ts';
import { createServiceLine, type ServiceLine } from './service-line.ts';
import type { Verdict } from './verdict.ts';

/** What an adapter over HTTP is given by the composition root. */
export interface HttpProviderOptions {
  /** Where the API is, the vendor's address or a simulator's; a path is kept as a prefix. */
  readonly baseUrl: string;
  /** Asked at every call, so that a key set or rotated at run time takes effect at once. */
  readonly apiKey: () => string | undefined;
  /** Lends the memory a photo is read through and a picture is decoded into. */
  readonly takeSlab: TakeSlab;
  /** The most connections of this process; calls beyond it wait for one. Default: the description's `runningMax`. */
  readonly connectionsMax?: number;
}

/** An adapter over HTTP, with the connections it owns. */
export interface HttpProvider extends Provider {
  /**
   * Destroys every connection, once what calls that are over left at the service is taken back, which takes seconds at most; a call
   * still running comes out as `unavailable`. May be called again.
   */
  close(): Promise<void>;
}

/** One call, before the key and the address. */
export interface PlannedRequest {
  /** Below the base address. */
  readonly path: string;
  readonly contentType: string;
  readonly content: RequestContent | StagedContent;
  /** Says why an answer holds no picture. */
  judge(answer: PicturelessAnswer): Verdict;
}

/** A body that can be written only once some of its images are at the service. */
export interface StagedContent {
  /** Everything that is sent, in whatever way. */
  readonly images: readonly SourceImage[];
  /**
   * Brings the images there.
   *
   * @returns the body, or why there is none: nothing was charged then.
   * @throws the reason of the context's signal when that is aborted.
   */
  bring(
    line: ServiceLine,
    context: CallContext,
  ): Promise<{ readonly content: RequestContent } | { readonly fault: Verdict }>;
  /** Takes back what was brought, as well as it can within seconds. Called once the call is over, whatever came of it; never rejects. */
  takeBack(line: ServiceLine): Promise<void>;
}

/** An answer that is an error, or a document without a picture. */
export type PicturelessAnswer = ErrorAnswer | { readonly kind: 'document'; readonly document: unknown };

/** What one vendor's API is about: all that adapters over HTTP differ in. */
export interface HttpService {
  readonly description: ProviderDescription;
  /** The header that carries the key. */
  keyHeader(apiKey: string): Readonly<Record<string, string>>;
  /** Turns an operation's settings into a call; a text says why it cannot be made. */
  plan(input: ProviderInput): PlannedRequest | string;
  collect(takeSlab: TakeSlab): AnswerCollector;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * An adapter of a service that answers a POST with its picture as base64 in a JSON document. It makes one call at a time per
 * `submit` and never retries.
 */
export function createHttpProvider(service: HttpService, options: HttpProviderOptions): HttpProvider {
  const base = new URL(options.baseUrl);
  const pool = new Pool(base.origin, {
    connections: options.connectionsMax ?? service.description.runningMax,
    pipelining: 1,
    // One connection for each call: giving a call up must destroy its connection and nothing else.
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const adapter: Adapter = { service, pool, base, options, takingBack: new Set() };
  return {
    description: service.description,
    isConfigured: () => trimmedKey(options.apiKey()) !== undefined,
    submit: (input, context) => submit(adapter, input, context),
    close: async () => {
      await Promise.all(adapter.takingBack);
      if (!pool.destroyed) await pool.destroy();
    },
  };
}

interface Adapter {
  readonly service: HttpService;
  readonly pool: Pool;
  readonly base: URL;
  readonly options: HttpProviderOptions;
  /** What is still being taken back from the service. */
  readonly takingBack: Set<Promise<void>>;
}

async function submit(adapter: Adapter, input: ProviderInput, context: CallContext): Promise<CallOutcome> {
  context.signal.throwIfAborted();
  const { service } = adapter;
  const usable = usableKey(adapter.options.apiKey());
  if ('fault' in usable) return failedCall(usable.fault, undefined);
  const apiKey = usable.key;
  const request = service.plan(input);
  if (typeof request === 'string') return failedCall(unsent('bad_request', request), apiKey);
  const { inputBytesMax } = service.description;
  const { content } = request;
  const isTooLarge = (segment: string | SourceImage): boolean =>
    typeof segment !== 'string' && segment.sizeBytes > inputBytesMax;
  if (('segments' in content ? content.segments : content.images).some(isTooLarge))
    return failedCall(unsent('bad_request', `the photo, or a template, is larger than ${inputBytesMax} bytes`), apiKey);
  if ('segments' in content) return await makeCall(adapter, { ...request, content }, apiKey, context);
  return await makeStagedCall(adapter, { ...request, content }, apiKey, context);
}

async function makeStagedCall(
  adapter: Adapter,
  request: PlannedRequest & { readonly content: StagedContent },
  apiKey: string,
  context: CallContext,
): Promise<CallOutcome> {
  const { service, pool, base, options, takingBack } = adapter;
  const { takeSlab } = options;
  const line = createServiceLine({ pool, base, takeSlab, keyHeader: service.keyHeader(apiKey) });
  try {
    const brought = await request.content.bring(line, context);
    if ('fault' in brought) return failedCall(brought.fault, apiKey);
    return await makeCall(adapter, { ...request, content: brought.content }, apiKey, context);
  } finally {
    // Nobody waits for it: the picture is there, or the next try.
    const takeBack: Promise<void> = request.content.takeBack(line).finally(() => takingBack.delete(takeBack));
    takingBack.add(takeBack);
  }
}

async function makeCall(
  adapter: Adapter,
  request: PlannedRequest & { readonly content: RequestContent },
  apiKey: string,
  { signal, mark }: CallContext,
): Promise<CallOutcome> {
  const { takeSlab } = adapter.options;
  const body = createRequestBody(request.content, takeSlab, () => mark?.('request_sent'));
  const answer = adapter.service.collect(takeSlab);
  const path = adapter.base.pathname.replace(/\/+$/, '') + request.path;
  const headers = { 'content-type': request.contentType, ...adapter.service.keyHeader(apiKey) };
  const head: AnswerSink['head'] = (status, received) => {
    mark?.('answer_began');
    answer.head(status, received);
  };
  try {
    await exchange(adapter.pool, { path, headers, body }, { head, push: answer.push }, signal);
    signal.throwIfAborted();
    const collected = answer.finish();
    if (collected.kind === 'error' || collected.picture === undefined)
      return failedCall(request.judge(collected), apiKey);
    return { outcome: 'done', image: imageOf(collected.picture) };
  } catch (error) {
    answer.release();
    if (signal.aborted) throw signal.reason;
    return failedCall(judgeFault(error, body.wasSent()), apiKey);
  } finally {
    await body.close();
  }
}

function imageOf(picture: Base64Decoder): ProviderImage {
  return { bytes: picture.bytes, release: () => picture.release() };
}
