import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS, type OperationId } from '../../generated/operations.ts';
import { administratorToken, bearer } from '../support/administrators.ts';
import { type ExampleRequest, exampleRequest, OPERATION_IDS } from '../support/example-request.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { makePhoto } from '../support/images.ts';
import { connectRaw, requestHead } from '../support/raw-http.ts';
import { makeResult } from '../support/results.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const METRICS_TOKEN = 'metrics-token-of-hostile';
const JSON_TYPE = 'application/json';

let server: TestServer;
let token: string;
let jobId: string;

beforeAll(async () => {
  server = await startTestServer({ environment: { METRICS_TOKEN } });
  token = await administratorToken(server);
  ({ jobId } = await makeResult(server, await makePhoto()));
});
afterAll(() => server.stop());

interface Row {
  readonly method: string;
  readonly path: string;
  readonly access: string;
  readonly requestBodyRequired: boolean;
  readonly requestContentTypes: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly type: string }[];
}

const rowOf = (operationId: OperationId): Row => OPERATIONS[operationId];
const takes = (type: string) => (operationId: OperationId) => rowOf(operationId).requestContentTypes.includes(type);

function credentialsFor(operationId: OperationId): Record<string, string> {
  const { access } = rowOf(operationId);
  if (access === 'public') return {};
  return bearer(access === 'metrics' ? METRICS_TOKEN : token);
}

/** Sends an example, changed. */
function send(operationId: OperationId, change: (example: ExampleRequest) => ExampleRequest = (it) => it) {
  const { path, ...request } = change(exampleRequest(operationId, { headers: credentialsFor(operationId) }));
  return ask(`${server.url}${path}`, request);
}

const withBody =
  (body: Buffer | string, headers: Record<string, string> = {}) =>
  (example: ExampleRequest): ExampleRequest => {
    const bytes = Buffer.from(body as string);
    return {
      ...example,
      headers: { ...example.headers, 'Content-Length': String(bytes.length), ...headers },
      body: bytes,
    };
  };

function expectNoFault(answer: HttpAnswer): void {
  expect(answer.status, answer.body.toString('utf8', 0, 300)).toBeLessThan(500);
  expect([...answer.headers.keys()]).not.toContain('x-evil');
}

const HOSTILE_BODIES: readonly (readonly [what: string, body: string | Buffer])[] = [
  ['blank', ' '],
  ['a half', '{"name":'],
  ['another value', '[]'],
  ['null', 'null'],
  ['a byte order mark', '\ufeff{}'],
  ['10,000 levels', `{"settings_json":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ['a prototype', '{"__proto__":{"isAdmin":true}}'],
  ['a name twice', '{"name":"a","name":"b"}'],
  ['NaN', '{"name":NaN}'],
  ['a number beyond doubles', '{"page":1e999}'],
  ['broken UTF-8', Buffer.from('7b2261223a22ff227d', 'hex')],
];

describe.each(OPERATION_IDS.filter(takes(JSON_TYPE)))('%s', (operationId) => {
  it.each(HOSTILE_BODIES)('refuses a body that is %s', async (_, body) => {
    const answer = await send(operationId, withBody(body));
    expect(answer.status, answer.body.toString('utf8')).toBe(400);
    expect(errorOf(answer).details).toHaveProperty('fields');
  });

  it.each([String.raw`\u0000`, String.raw`\ud800`, String.raw`\udc00x`])('refuses %s in every text', async (text) => {
    const example = JSON.parse(exampleRequest(operationId).body?.toString('utf8') ?? '') as object;
    for (const body of spoiled(example)) {
      const answer = await send(operationId, withBody(JSON.stringify(body).replaceAll('HOSTILE', text)));
      expect(answer.status, answer.body.toString('utf8')).toBe(400);
    }
  });

  it('unpacks nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const answer = await send(operationId, withBody(bomb, { 'Content-Encoding': 'gzip' }));
    expect(refusal(answer)).toBe('415 unsupported_media_type');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded'])('takes no form of another site (%s)', async (type) => {
    const body = exampleRequest(operationId).body ?? '';
    const answer = await send(operationId, withBody(body, { 'Content-Type': type, Origin: 'https://evil.example' }));
    expect(refusal(answer)).toBe('415 unsupported_media_type');
  });
});

/** The value once for each text in it, with that text spoiled. */
function spoiled(value: unknown): unknown[] {
  if (typeof value === 'string') return ['aHOSTILEb'];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, item]) =>
    spoiled(item).map((changed) => (Array.isArray(value) ? [changed] : { ...value, [name]: changed })),
  );
}

it.each(OPERATION_IDS.filter((id) => takes(JSON_TYPE)(id) && rowOf(id).requestBodyRequired))(
  '%s demands its body',
  async (operationId) => {
    expect((await send(operationId, withBody(''))).status).toBe(400);
  },
);

describe.each(OPERATION_IDS.filter(takes('multipart/form-data')))('%s', (operationId) => {
  it('unpacks nothing', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const answer = await send(operationId, withBody(bomb, { 'Content-Encoding': 'gzip' }));
    expect(refusal(answer)).toBe('415 unsupported_media_type');
  });
});

const HOSTILE_TEXTS = [
  '%00',
  'a%00b',
  '%ff',
  '%ed%a0%80',
  '%0d%0aX-Evil:%201',
  '..%2f..%2fetc%2fpasswd',
  '__proto__',
  "'%20or%201=1--",
  '9'.repeat(400),
  '-1',
  '1e999',
  '',
] as const;

describe('a hostile parameter is never a fault of the server', () => {
  const places = OPERATION_IDS.flatMap((operationId) =>
    rowOf(operationId)
      .parameters.filter((parameter) => parameter.in !== 'header')
      .map((parameter) => [operationId, parameter.in, parameter.name] as const),
  );
  it.each(places)('%s: %s parameter %s', async (operationId, place, name) => {
    for (const text of HOSTILE_TEXTS) {
      const deviations = place === 'path' ? { params: { [name]: 'HOSTILE' } } : { query: { [name]: 'HOSTILE' } };
      const { path, ...request } = exampleRequest(operationId, {
        ...deviations,
        headers: credentialsFor(operationId),
      });
      expectNoFault(await ask(`${server.url}${path.replace('HOSTILE', text)}`, request));
    }
  });

  it.each(OPERATION_IDS)('%s: headers', async (operationId) => {
    const headers = {
      Accept: '*/*;q=,,',
      'If-Match': '"'.repeat(300),
      'If-None-Match': 'W/"',
      'If-Modified-Since': 'yesterday',
      Range: 'bytes=-,9-1,0-99999999999999999999',
      Prefer: ';;==',
      Cookie: '__proto__=1; =',
      traceparent: '00-0-0-0',
    };
    expectNoFault(await send(operationId, (example) => ({ ...example, headers: { ...example.headers, ...headers } })));
  });
});

describe('a forged Host', () => {
  const FORGED = {
    Host: 'evil.example',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'gopher',
    'X-Forwarded-Port': '70',
    Forwarded: 'host=evil.example;proto=gopher',
    'X-Original-URL': '/evil.example',
  };
  const forge = (example: ExampleRequest): ExampleRequest => ({
    ...example,
    headers: { ...example.headers, ...FORGED },
  });

  it.each(OPERATION_IDS)('reaches nothing that %s answers', async (operationId) => {
    const { headers, body } = await send(operationId, forge);
    expect([...headers.values()].join('\n') + body.toString('latin1')).not.toMatch(/evil\.example|gopher/);
  });

  it.each([
    ['the newest results of a slot', '/api/slots/slot-001'],
    ['all results of a slot', '/api/slots/slot-001/results'],
    ['a list of jobs', '/api/jobs?slot_id=slot-001'],
  ])('reaches no link of %s', async (_, path) => {
    const answer = await ask(`${server.url}${path}`, { headers: { ...bearer(token), ...FORGED } });
    const text = answer.body.toString('utf8');
    expect(refusal(answer)).toBe('200');
    expect(text).toContain(jobId);
    for (const [link] of text.matchAll(/https?:[^"]+/g)) expect(link.startsWith(`${server.url}/`), link).toBe(true);
  });
});

describe('another site', () => {
  const ORIGIN = 'https://evil.example';
  const expectNoSharing = ({ headers }: HttpAnswer): void => {
    expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    expect([...headers.values()].join('\n')).not.toContain(ORIGIN);
  };

  it.each(OPERATION_IDS)('is told nothing by %s', async (operationId) => {
    const { path, method } = exampleRequest(operationId);
    const headers = { Origin: ORIGIN, 'Sec-Fetch-Site': 'cross-site', ...credentialsFor(operationId) };
    expectNoSharing(
      await send(operationId, (example) => ({ ...example, headers: { ...example.headers, ...headers } })),
    );
    const preflight = await ask(`${server.url}${path}`, {
      method: 'OPTIONS',
      headers: {
        Origin: ORIGIN,
        'Access-Control-Request-Method': method ?? 'GET',
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    });
    expect(refusal(preflight)).toBe('405 method_not_allowed');
    expect(preflight.headers.get('allow')).toContain(method);
    expectNoSharing(preflight);
  });
});

describe('what every answer says', () => {
  it.each(OPERATION_IDS)('%s', async (operationId) => {
    const { headers } = await send(operationId);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    if (rowOf(operationId).path.startsWith('/api/') && headers.get('content-type') === JSON_TYPE)
      expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['/api', '/api/', '/api/no-such-thing', '/nothing'])('%s, where nothing is', async (path) => {
    const answer = await ask(`${server.url}${path}`);
    expect(refusal(answer)).toBe('404 not_found');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});

describe('a text with a line break', () => {
  it('is no name of a slot, and no header', async () => {
    const example = JSON.parse(exampleRequest('updateSlot').body?.toString('utf8') ?? '') as object;
    const answer = await send('updateSlot', withBody(JSON.stringify({ ...example, name: 'a\r\nX-Evil: 1' })));
    expect(refusal(answer)).toBe('400 invalid_request');
  });

  it('in a header of the request is refused before anything is made of it', async () => {
    const client = await connectRaw(server.port);
    await client.send(requestHead(['X-Request-Id: a\rX-Evil: 1'], 'GET /api/slots HTTP/1.1'));
    const received = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).not.toMatch(/^x-evil/im);
  });
});
