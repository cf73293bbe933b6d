/** Every operation of the contract × everybody who may knock: exactly what the contract declares. */
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS, type OperationId } from '../../generated/operations.ts';
import { grants, PERMISSIONS, type Permission } from '../../src/domain/permissions.ts';
import { administratorToken, bearer, newAdministrator, tokenOf } from '../support/administrators.ts';
import { expectDeclared } from '../support/contract-answer.ts';
import { accessOf, isForAdministrators, operationsOf } from '../support/contract-matrix.ts';
import { type Deviations, exampleRequest, OPERATION_IDS } from '../support/example-request.ts';
import { ask, errorOf, type HttpAnswer, refusal } from '../support/http.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const METRICS_TOKEN = 'metrics-token-of-the-matrix';

/** Answers of a good token that look like those of a bad one, each with its reason. Entries may only go. */
const GOOD_TOKEN_REFUSED: Readonly<Record<string, string>> = {
  changeOwnPassword: '401 invalid_credentials', // the example's current password is not this administrator's
};

let server: TestServer;
const tokens = new Map<string, string>();

beforeAll(async () => {
  server = await startTestServer({ environment: { METRICS_TOKEN } });
  for (const permission of PERMISSIONS) tokens.set(permission, await administratorToken(server, [permission]));
  tokens.set('none', await administratorToken(server, []));
  tokens.set('all', await administratorToken(server));
  for (const [name, token] of Object.entries(await badTokens(tokens.get('all') as string))) tokens.set(name, token);
});
afterAll(() => server.stop());

const tokenNamed = (name: string): string => tokens.get(name) as string;

function knock(
  operationId: OperationId,
  headers: Record<string, string>,
  deviations: Deviations = {},
): Promise<HttpAnswer> {
  const { path, ...request } = exampleRequest(operationId, { ...deviations, headers });
  return ask(`${server.url}${path}`, request);
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));

const BAD_TOKENS = ['malformed', 'expired', 'wrong key', 'alg none', 'disabled administrator'] as const;

/** Tokens that are each wrong in one way; the rest is that of a good one. */
async function badTokens(good: string): Promise<Record<(typeof BAD_TOKENS)[number], string>> {
  const [head = '', body = '', signature = ''] = good.split('.');
  const disabled = await newAdministrator(server);
  const ofDisabled = await tokenOf(server, disabled);
  await server.db.kysely.updateTable('administrator').set({ is_enabled: false }).where('name', '=', disabled).execute();
  return {
    malformed: `${head}.${body}.${signature.slice(1)}`,
    expired: await tokenOf(server, await newAdministrator(server), -1),
    'wrong key': `${head}.${body}.${createHmac('sha256', 'another key').update(`${head}.${body}`).digest('base64url')}`,
    'alg none': `${encode({ ...decode(head), alg: 'none' })}.${body}.`,
    'disabled administrator': ofDisabled,
  };
}

function expectUnauthorized(operationId: OperationId, answer: HttpAnswer): void {
  expectDeclared(operationId, 401, answer);
  expect(refusal(answer)).toBe('401 unauthorized');
  expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="PhotoChanger"');
}

describe('whoever has no good token is 401, whatever else is wrong with the request', () => {
  for (const operationId of operationsOf('unauthorized')) {
    it(`${operationId}: no token, or none that is a bearer token`, async () => {
      for (const headers of [
        {},
        ...['Bearer', 'Basic YTpi', 'Bearer a b', 'xyz'].map((value) => ({ Authorization: value })),
      ])
        expectUnauthorized(operationId, await knock(operationId, headers));
    });
    for (const name of BAD_TOKENS) {
      it(`${operationId}: ${name}`, async () => {
        expectUnauthorized(operationId, await knock(operationId, bearer(tokenNamed(name))));
      });
    }
    it(`${operationId}: before its parameters are looked at`, async () => {
      expectUnauthorized(operationId, await knock(operationId, {}, { query: { no_such_parameter: '1' } }));
    });
  }
});

describe('a single permission opens what names it, and nothing else', () => {
  for (const operationId of OPERATION_IDS.filter(isForAdministrators)) {
    const needed = accessOf(operationId);
    for (const permission of [...PERMISSIONS, 'none'] as const) {
      const isOpen =
        needed === 'any_administrator' || (permission !== 'none' && grants([permission], needed as Permission));
      it(`${operationId} with ${permission}: ${isOpen ? 'open' : '403'}`, async () => {
        const answer = await knock(operationId, bearer(tokenNamed(permission)));
        if (!isOpen) {
          expectDeclared(operationId, 403, answer);
          expect(errorOf(answer)).toMatchObject({ code: 'forbidden', details: { permission: needed } });
          return;
        }
        const outcome = answer.status < 400 ? String(answer.status) : refusal(answer);
        if (operationId in GOOD_TOKEN_REFUSED) expect(outcome).toBe(GOOD_TOKEN_REFUSED[operationId]);
        else expect([401, 403]).not.toContain(answer.status);
        expectDeclared(operationId, answer.status, answer);
      });
    }
  }

  it('an administrator’s token does not open the metrics, nor their token anything else', async () => {
    for (const operationId of operationsOf('unauthorized')) {
      const isMetrics = accessOf(operationId) === 'metrics';
      const other = isMetrics ? tokenNamed('all') : METRICS_TOKEN;
      expectUnauthorized(operationId, await knock(operationId, bearer(other)));
      if (isMetrics) expectDeclared(operationId, 200, await knock(operationId, bearer(METRICS_TOKEN)));
    }
  });
});

describe('a public operation asks nobody for a token', () => {
  for (const operationId of OPERATION_IDS.filter((id) => accessOf(id) === 'public')) {
    it(operationId, async () => {
      const without = await knock(operationId, {});
      expect(without.status < 400 ? 'open' : refusal(without)).not.toBe('401 unauthorized');
      expect(Object.keys(OPERATIONS[operationId].responses)).toContain(String(without.status));
      const withBad = await knock(operationId, bearer(tokenNamed('wrong key')));
      expect(withBad.status).toBe(without.status);
    });
  }
});

describe('a request that the contract does not know', () => {
  for (const operationId of operationsOf('unknownQuery')) {
    it(`${operationId} 400: a query parameter that nobody declared is named`, async () => {
      const answer = await knock(operationId, bearer(tokenNamed('all')), { query: { no_such_parameter: '1' } });
      expectDeclared(operationId, 400, answer);
      expect(errorOf(answer).details?.fields).toContainEqual({
        pointer: '/query/no_such_parameter',
        message: 'is not known',
        keyword: 'additionalProperties',
      });
    });
  }
  for (const operationId of operationsOf('unknownSlot')) {
    it(`${operationId} 404: an unknown slot is told before any other fault`, async () => {
      const answer = await knock(operationId, bearer(tokenNamed('all')), {
        params: { slot_id: 'slot-016' },
        query: { no_such_parameter: '1' },
      });
      expectDeclared(operationId, 404, answer);
      expect(refusal(answer)).toBe('404 slot_not_found');
    });
  }
  for (const operationId of operationsOf('tooLarge')) {
    it(`${operationId} 413: more than 1 MiB`, async () => {
      const { path, ...request } = exampleRequest(operationId, { headers: bearer(tokenNamed('all')) });
      const body = Buffer.alloc(1_048_577, ' ');
      const headers = { ...request.headers, 'Content-Length': String(body.length) };
      expectDeclared(operationId, 413, await ask(`${server.url}${path}`, { ...request, headers, body }));
    });
  }
  for (const operationId of operationsOf('otherType')) {
    it(`${operationId} 415: a body that is not JSON`, async () => {
      const answer = await knock(operationId, { ...bearer(tokenNamed('all')), 'Content-Type': 'text/plain' });
      expectDeclared(operationId, 415, answer);
    });
  }
});
