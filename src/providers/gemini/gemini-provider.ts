import { Pool } from 'undici';
import type { CallContext, CallOutcome, Provider, ProviderImage, ProviderInput } from '../provider.ts';
import { AnswerFault } from './answer-fault.ts';
import type { Base64Decoder, TakeSlab } from './base64-decoder.ts';
import { classifyDocument, type Verdict } from './classify-document.ts';
import { classifyError } from './classify-error.ts';
import { type AnswerCollector, collectAnswer } from './collect-answer.ts';
import { GEMINI_DESCRIPTION } from './description.ts';
import { type AnswerSink, exchange } from './exchange.ts';
import { type PlannedCall, planCall } from './plan-call.ts';
import { reasonText } from './reason.ts';
import { createRequestBody, type RequestBody, SourceFault } from './request-body.ts';

/** What the adapter is given by the composition root. */
export interface GeminiOptions {
  /** Where the API is, `https://generativelanguage.googleapis.com` or a simulator; a path is kept as a prefix. */
  readonly baseUrl: string;
  /** Asked at every call, so that a key set or rotated at run time takes effect at once. */
  readonly apiKey: () => string | undefined;
  /** Lends the memory a photo is read through and a picture is decoded into. */
  readonly takeSlab: TakeSlab;
  /** The most connections of this process; calls beyond it wait for one. Default: the description's `runningMax`. */
  readonly connectionsMax?: number;
}

/** The adapter, with the connections it owns. */
export interface GeminiProvider extends Provider {
  /** Destroys every connection; a call still running comes out as `unavailable`. May be called again. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 60_000;
/** What an HTTP header can carry and a key consists of. */
const KEY_PATTERN = /^[\x21-\x7e]+$/;

/** The adapter of Google's Gemini API (`generateContent`). It makes one call at a time per `submit` and never retries. */
export function createGeminiProvider(options: GeminiOptions): GeminiProvider {
  const base = new URL(options.baseUrl);
  const pool = new Pool(base.origin, {
    connections: options.connectionsMax ?? GEMINI_DESCRIPTION.runningMax,
    pipelining: 1,
    // One connection for each call: giving a call up must destroy its connection and nothing else.
    allowH2: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const pathPrefix = base.pathname.replace(/\/+$/, '');
  return {
    description: GEMINI_DESCRIPTION,
    isConfigured: () => keyOf(options) !== undefined,
    submit: (input, context) => submit({ pool, pathPrefix, options }, input, context),
    close: async () => {
      if (!pool.destroyed) await pool.destroy();
    },
  };
}

interface Adapter {
  readonly pool: Pool;
  readonly pathPrefix: string;
  readonly options: GeminiOptions;
}

function keyOf(options: GeminiOptions): string | undefined {
  const key = options.apiKey()?.trim();
  return key === '' ? undefined : key;
}

async function submit(adapter: Adapter, input: ProviderInput, context: CallContext): Promise<CallOutcome> {
  context.signal.throwIfAborted();
  const apiKey = keyOf(adapter.options);
  if (apiKey === undefined) return failed(unsent('invalid_key', 'no API key is set'), apiKey);
  if (!KEY_PATTERN.test(apiKey))
    return failed(unsent('invalid_key', 'the API key has characters no key can have'), apiKey);
  const call = planCall(input);
  if (typeof call === 'string') return failed(unsent('bad_request', call), apiKey);
  if (input.photo.sizeBytes > GEMINI_DESCRIPTION.inputBytesMax) {
    return failed(unsent('bad_request', `the photo is larger than ${GEMINI_DESCRIPTION.inputBytesMax} bytes`), apiKey);
  }
  return await makeCall(adapter, call, apiKey, context);
}

async function makeCall(
  adapter: Adapter,
  call: PlannedCall,
  apiKey: string,
  { signal, mark }: CallContext,
): Promise<CallOutcome> {
  const { takeSlab } = adapter.options;
  const body = createRequestBody(call.parts, call.generationConfig, takeSlab, () => mark?.('request_sent'));
  const answer = collectAnswer(takeSlab);
  const path = `${adapter.pathPrefix}/v1beta/models/${encodeURIComponent(call.model)}:generateContent`;
  const headers = { 'content-type': 'application/json', 'x-goog-api-key': apiKey };
  const head: AnswerSink['head'] = (status, received) => {
    mark?.('answer_began');
    answer.head(status, received);
  };
  try {
    await exchange(adapter.pool, { path, headers, body }, { head, push: answer.push }, signal);
    signal.throwIfAborted();
    return outcomeOf(answer, call.model, apiKey);
  } catch (error) {
    answer.release();
    if (signal.aborted) throw signal.reason;
    return failed(classifyFault(error, body), apiKey);
  } finally {
    await body.close();
  }
}

function outcomeOf(collected: AnswerCollector, model: string, apiKey: string): CallOutcome {
  const answer = collected.finish();
  if (answer.kind === 'error') return failed(classifyError(answer, model, Date.now()), apiKey);
  if (answer.picture === undefined) return failed(classifyDocument(answer.document), apiKey);
  return { outcome: 'done', image: imageOf(answer.picture) };
}

function imageOf(picture: Base64Decoder): ProviderImage {
  return { bytes: picture.bytes, release: () => picture.release() };
}

function classifyFault(error: unknown, body: RequestBody): Verdict {
  if (error instanceof AnswerFault) {
    return { kind: error.kind, retryable: error.retryable, charged: 'maybe', words: [error.message] };
  }
  if (error instanceof SourceFault) return unsent('bad_request', error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  const words = ['the connection failed', typeof code === 'string' ? code : undefined, message];
  return { kind: 'unavailable', retryable: true, charged: body.wasSent() ? 'maybe' : 'no', words };
}

function unsent(kind: 'invalid_key' | 'bad_request', words: string): Verdict {
  return { kind, retryable: false, charged: 'no', words: [words] };
}

function failed({ words, ...failure }: Verdict, apiKey: string | undefined): CallOutcome {
  return { outcome: 'failed', failure: { ...failure, reason: reasonText(words, apiKey) } };
}
