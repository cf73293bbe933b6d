import type { GeminiCallBehaviour, SuccessBehaviour } from './gemini-behaviour.ts';
import type { EndlessAnswer, PreparedAnswer } from './prepared-answer.ts';

const JSON_HEADERS = {
  'content-type': 'application/json; charset=UTF-8',
  vary: 'Origin, X-Origin, Referer',
  server: 'scaffolding on HTTPServer2',
  'x-content-type-options': 'nosniff',
};
const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const DOMAIN = 'googleapis.com';
const MESSAGES: Readonly<Record<number, string>> = {
  404: 'models/{model} is not found for API version v1beta, or is not supported for generateContent.',
  500: 'An internal error has occurred. Please retry or report in the documentation.',
  503: 'The model is overloaded. Please try again later.',
  504: 'Deadline expired before operation could complete.',
};

/** A document with status 200. */
function documentAnswer(document: unknown): PreparedAnswer {
  return { status: 200, headers: JSON_HEADERS, body: Buffer.from(`${JSON.stringify(document, null, 2)}\n`) };
}

/** Google's error document. */
export function errorAnswer(
  status: number,
  message?: string,
  details: readonly unknown[] = [],
  name?: string,
): PreparedAnswer {
  const error = {
    code: status,
    message: message ?? MESSAGES[status] ?? 'The request failed.',
    status: name ?? STATUS_NAMES[status] ?? 'UNKNOWN',
    ...(details.length > 0 ? { details } : {}),
  };
  return { ...documentAnswer({ error }), status };
}

/** What the service says to a key it does not know. */
export function badKeyAnswer(): PreparedAnswer {
  const details = [
    {
      '@type': ERROR_INFO,
      reason: 'API_KEY_INVALID',
      domain: DOMAIN,
      metadata: { service: 'generativelanguage.googleapis.com' },
    },
  ];
  return errorAnswer(400, 'API key not valid. Please pass a valid API key.', details);
}

/** A success that holds `picture`. */
export function pictureAnswer(
  picture: Buffer,
  mimeType: string,
  behaviour: Partial<SuccessBehaviour> = {},
): PreparedAnswer {
  const blob = (bytes: Buffer): object =>
    behaviour.snakeCase === true
      ? { inline_data: { mime_type: mimeType, data: bytes.toString('base64') } }
      : { inlineData: { mimeType, data: bytes.toString('base64') } };
  const draft = { ...blob(picture.subarray(0, 3000)), thought: true };
  const parts = [
    { text: 'Here is your picture:' },
    ...(behaviour.thoughtFirst === true ? [draft] : []),
    { ...blob(picture), thoughtSignature: 'EpsB'.repeat(300) },
  ];
  return documentAnswer(candidates({ content: { parts, role: 'model' }, finishReason: 'STOP', index: 0 }));
}

/** The answer of a behaviour that needs no picture; `undefined` for those that do, or that do not answer. */
export function plainAnswer(behaviour: GeminiCallBehaviour, model: string): PreparedAnswer | undefined {
  switch (behaviour.kind) {
    case 'no_image':
      return documentAnswer(candidates({ content: {}, finishReason: 'NO_IMAGE', index: 0 }));
    case 'finish':
      return documentAnswer(candidates({ finishReason: behaviour.reason, finishMessage: behaviour.message, index: 0 }));
    case 'text_only':
      return documentAnswer(
        candidates(textCandidate(behaviour.text ?? 'I cannot see a photo. Could you describe it?')),
      );
    case 'safety_block':
      return documentAnswer({ promptFeedback: { blockReason: behaviour.reason ?? 'SAFETY' }, modelVersion: model });
    case 'throttled':
      return throttledAnswer(behaviour);
    case 'status':
      return errorAnswer(
        behaviour.status,
        (behaviour.message ?? MESSAGES[behaviour.status])?.replace('{model}', model),
        [],
        behaviour.name,
      );
    case 'bad_key':
      return badKeyAnswer();
    case 'bad_request':
      return errorAnswer(400, 'Request contains an invalid argument.');
    case 'html':
      return page('<!doctype html><html><head><title>Proxy</title></head><body><h1>Signed out</h1></body></html>');
    case 'garbage_json':
      return { status: 200, headers: JSON_HEADERS, body: Buffer.from('{"candidates": [{"content": {"parts": [}}}') };
    case 'empty_body':
      return { status: 200, headers: JSON_HEADERS, body: Buffer.alloc(0) };
    default:
      return undefined;
  }
}

/** A picture without end. */
export const ENDLESS: EndlessAnswer = {
  head: {
    status: 200,
    headers: JSON_HEADERS,
    body: Buffer.from('{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"'),
  },
  piece: Buffer.alloc(65_536, 'A'),
};

function page(html: string): PreparedAnswer {
  return { status: 200, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: Buffer.from(html) };
}

function textCandidate(text: string): object {
  return { content: { parts: [{ text }], role: 'model' }, finishReason: 'STOP', index: 0 };
}

function candidates(candidate: object): object {
  return {
    candidates: [candidate],
    usageMetadata: { promptTokenCount: 1298, candidatesTokenCount: 1290, totalTokenCount: 2588 },
    modelVersion: 'simulated',
    responseId: 'c2ltdWxhdGVk',
  };
}

function throttledAnswer(behaviour: Extract<GeminiCallBehaviour, { kind: 'throttled' }>): PreparedAnswer {
  const period = behaviour.perDay === true ? 'PerDay' : 'PerMinute';
  const violations = [
    {
      quotaMetric: 'generativelanguage.googleapis.com/generate_content_requests',
      quotaId: `GenerateRequests${period}PerProjectPerModel`,
      quotaDimensions: { location: 'global', model: 'any' },
      quotaValue: '500',
    },
  ];
  const delay = behaviour.retryDelaySeconds;
  const details = [
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations },
    ...(delay === undefined ? [] : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${delay}s` }]),
  ];
  const answer = errorAnswer(
    429,
    'You exceeded your current quota, please check your plan and billing details.',
    details,
  );
  if (behaviour.retryAfter === undefined) return answer;
  return { ...answer, headers: { ...answer.headers, 'retry-after': behaviour.retryAfter } };
}
