import type { OpenAiBehaviour, ThrottledBehaviour } from './openai-behaviour.ts';
import type { EndlessAnswer, PreparedAnswer } from './prepared-answer.ts';

const HEADERS = {
  'content-type': 'application/json',
  server: 'cloudflare',
  'cf-cache-status': 'DYNAMIC',
  'openai-version': '2020-10-01',
  'openai-organization': 'org-simulated',
  'openai-processing-ms': '21840',
  'x-request-id': 'req_73696d756c61746564',
  'x-content-type-options': 'nosniff',
};
const LIMIT_HEADERS = {
  'x-ratelimit-limit-requests': '250',
  'x-ratelimit-remaining-requests': '249',
  'x-ratelimit-reset-requests': '240ms',
};
const MESSAGES: Readonly<Record<number, string>> = {
  403: 'Country, region, or territory not supported',
  500: 'The server had an error while processing your request. Sorry about that!',
  502: 'Bad gateway',
  503: 'The server is currently overloaded with other requests. Sorry about that!',
  504: 'The server timed out.',
};
const REQUEST_ID = '73696d75-6c61-4465-8000-000000000000';

/** The service's error document. */
export interface ErrorWords {
  readonly status: number;
  readonly message: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** An error as the service words it. */
export function errorAnswer({ status, message, type, param, code, more }: ErrorWords): PreparedAnswer {
  const error = {
    message,
    type: type ?? (status >= 500 ? 'server_error' : 'invalid_request_error'),
    param: param ?? null,
    code: code ?? null,
    ...more,
  };
  return { status, headers: HEADERS, body: Buffer.from(`${JSON.stringify({ error }, null, 2)}\n`) };
}

/** What the service says to a key it does not know: it repeats both ends of it. */
export function badKeyAnswer(apiKey: string): PreparedAnswer {
  if (apiKey === '') return errorAnswer({ status: 401, message: "You didn't provide an API key." });
  const masked = `${apiKey.slice(0, 8)}${'*'.repeat(Math.max(4, apiKey.length - 12))}${apiKey.slice(-4)}`;
  const message = `Incorrect API key provided: ${masked}. You can find your API key at https://platform.openai.com/account/api-keys.`;
  return errorAnswer({ status: 401, message, code: 'invalid_api_key' });
}

/** What a picture was made with, as the answer repeats it. */
export interface PictureFacts {
  readonly outputFormat: string;
  readonly size: string;
  readonly quality: string;
  readonly background: string;
}

/** A success that holds `picture`. */
export function pictureAnswer(picture: Buffer, facts: Partial<PictureFacts>): PreparedAnswer {
  return documentAnswer([{ b64_json: picture.toString('base64') }], facts);
}

/** The answer of a behaviour that needs no picture; `undefined` for those that do, or that do not answer. */
export function plainAnswer(behaviour: OpenAiBehaviour, model: string): PreparedAnswer | undefined {
  switch (behaviour.kind) {
    case 'no_image':
      return documentAnswer([]);
    case 'picture_address':
      return documentAnswer([{ url: 'https://example.com/picture.png' }]);
    case 'moderation_blocked':
      return moderationAnswer(behaviour);
    case 'throttled':
      return throttledAnswer(behaviour, model);
    case 'insufficient_quota':
      return errorAnswer({
        status: behaviour.status ?? 429,
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
        code: behaviour.code ?? 'insufficient_quota',
      });
    case 'status': {
      const { status, code, message = MESSAGES[status] ?? 'The request failed.' } = behaviour;
      return errorAnswer({ status, message, ...(code === undefined ? {} : { code }) });
    }
    case 'bad_key':
      return badKeyAnswer('sk-simulated-0123456789');
    case 'bad_request':
      return errorAnswer({ status: 400, message: "Invalid value: 'x'.", param: 'quality', code: 'invalid_value' });
    case 'unknown_model':
      return unknownModelAnswer(model);
    case 'html':
      return page('<!doctype html><html><head><title>Proxy</title></head><body><h1>Signed out</h1></body></html>');
    case 'garbage_json':
      return { status: 200, headers: HEADERS, body: Buffer.from('{"created": 1, "data": [{"b64_json": }}') };
    case 'empty_body':
      return { status: 200, headers: HEADERS, body: Buffer.alloc(0) };
    default:
      return undefined;
  }
}

/** What the service says to a model it does not have, or not for this key. */
export function unknownModelAnswer(model: string): PreparedAnswer {
  const message = `The model \`${model}\` does not exist or you do not have access to it.`;
  return errorAnswer({ status: 404, message, code: 'model_not_found' });
}

/** A picture without end. */
export const ENDLESS: EndlessAnswer = {
  head: { status: 200, headers: HEADERS, body: Buffer.from('{"created":1767225600,"data":[{"b64_json":"') },
  piece: Buffer.alloc(65_536, 'A'),
};

function documentAnswer(entries: readonly object[], facts: Partial<PictureFacts> = {}): PreparedAnswer {
  const document = {
    created: 1_767_225_600,
    background: facts.background ?? 'opaque',
    data: entries,
    output_format: facts.outputFormat ?? 'png',
    quality: facts.quality ?? 'medium',
    size: facts.size ?? '1024x1024',
    usage: {
      input_tokens: 1_245,
      input_tokens_details: { image_tokens: 1_217, text_tokens: 28 },
      output_tokens: 1_056,
      total_tokens: 2_301,
    },
  };
  const body = Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
  return { status: 200, headers: { ...HEADERS, ...LIMIT_HEADERS }, body };
}

function moderationAnswer(behaviour: Extract<OpenAiBehaviour, { kind: 'moderation_blocked' }>): PreparedAnswer {
  const { stage = 'input', categories = ['sexual'], code = 'moderation_blocked' } = behaviour;
  return errorAnswer({
    status: 400,
    message: `Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com and include the request ID ${REQUEST_ID}. safety_violations=[${categories.join(', ')}].`,
    type: 'image_generation_user_error',
    code,
    more: { moderation_details: { moderation_stage: stage, categories } },
  });
}

function throttledAnswer(behaviour: ThrottledBehaviour, model: string): PreparedAnswer {
  const { limit = 'requests', retryAfter, retryAfterMs, reset } = behaviour;
  const answer = errorAnswer({
    status: 429,
    message: `Rate limit reached for ${model} in organization org-simulated on ${limit} per min: Limit 5, Used 5, Requested 1.`,
    type: limit,
    code: 'rate_limit_exceeded',
  });
  const headers = {
    ...answer.headers,
    ...(limit === 'requests' ? {} : LIMIT_HEADERS),
    [`x-ratelimit-limit-${limit}`]: '5',
    [`x-ratelimit-remaining-${limit}`]: '0',
    ...(reset === undefined ? {} : { [`x-ratelimit-reset-${limit}`]: reset }),
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': retryAfterMs }),
  };
  return { ...answer, headers };
}

function page(html: string): PreparedAnswer {
  return { status: 200, headers: { ...HEADERS, 'content-type': 'text/html; charset=UTF-8' }, body: Buffer.from(html) };
}
