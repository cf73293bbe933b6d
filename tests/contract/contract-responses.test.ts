import { describe, expect, it } from 'vitest';
import { ContractBackend } from '../../src/contract/backend.ts';
import { compileValidators, makeContract, makeDocument, makeOperation } from '../support/small-contract.ts';

const thing = {
  type: 'object',
  required: ['a'],
  properties: { a: { type: 'integer' }, kind: { type: 'string', 'x-extensible-enum': ['x'] } },
};
const document = makeDocument(
  {
    '/x': {
      get: makeOperation('x', {
        responses: {
          200: { description: '', content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
          206: { description: '', content: { 'image/png': { schema: { type: 'string', format: 'binary' } } } },
          204: { description: '' },
          400: { description: '', content: { 'application/problem+json': { schema: thing } } },
        },
      }),
    },
  },
  { components: { schemas: { Thing: thing } } },
);

function check(closed: boolean, status: number, contentType: string | undefined, body?: unknown) {
  const contract = makeContract(document, undefined, closed);
  const [operation] = contract.operations;
  if (operation === undefined) throw new Error('there is an operation');
  return contract.validateResponse(operation, status, contentType, body);
}

describe('answers', () => {
  it('that keep to the contract have no faults', () => {
    expect(check(true, 200, 'application/json; charset=utf-8', { a: 1, kind: 'x' })).toEqual([]);
    expect(check(true, 204, undefined)).toEqual([]);
    expect(check(true, 206, 'image/png', Buffer.from('png'))).toEqual([]);
  });

  it.each([418, 500, 0, 2000])('of the status %d, which is not declared, are faulty', (status) => {
    expect(check(false, status, 'application/json', { a: 1 })).toMatchObject([{ pointer: '/status' }]);
  });

  it('of a content type that is not declared are faulty', () => {
    expect(check(false, 200, 'text/html', '')).toMatchObject([{ pointer: '/headers/content-type' }]);
    expect(check(false, 206, 'image/jpeg', Buffer.alloc(1))).toMatchObject([{ pointer: '/headers/content-type' }]);
    expect(check(false, 204, 'application/json', {})).toMatchObject([{ pointer: '/headers/content-type' }]);
  });

  it('without a body where one is declared are faulty', () => {
    expect(check(false, 200, undefined)).toMatchObject([{ pointer: '/headers/content-type', keyword: 'content' }]);
  });

  it('have every JSON type looked into, not only application/json', () => {
    expect(check(false, 200, 'application/json', {})).toMatchObject([{ pointer: '/body/a', keyword: 'required' }]);
    expect(check(false, 400, 'application/problem+json', {})).toMatchObject([
      { pointer: '/body/a', keyword: 'required' },
    ]);
    expect(check(false, 200, 'application/json', undefined)).toMatchObject([{ pointer: '/body' }]);
  });

  it('may hold more than is declared, except where our own tests look', () => {
    expect(check(false, 200, 'application/json', { a: 1, b: 2 })).toEqual([]);
    expect(check(false, 200, 'application/json', { a: 1, kind: 'y' })).toEqual([]);
    expect(check(true, 200, 'application/json', { a: 1, b: 2 })).toMatchObject([{ pointer: '/body/b' }]);
    expect(check(true, 200, 'application/json', { a: 1, kind: 'y' })).toMatchObject([
      { pointer: '/body/kind', keyword: 'enum' },
    ]);
  });
});

describe('the parts that openapi-backend asks', () => {
  const backend = new ContractBackend(document, compileValidators(document));

  it('need no preparation and know the same operations', async () => {
    await backend.init();
    expect(backend.getOperations().map(({ operationId }) => operationId)).toEqual(['x']);
    expect(backend.getOperation('y')).toBeUndefined();
  });

  it('tell a wrong method from a wrong path', () => {
    const request = (method: string, path: string) => ({ method, path, headers: {} });
    expect(backend.matchOperation(request('get', '/x?y=1'))?.operationId).toBe('x');
    expect(() => backend.router.matchOperation(request('PUT', '/x'), true)).toThrow('405');
    expect(() => backend.router.matchOperation(request('GET', '/y'), true)).toThrow('404');
  });

  it('do not take a status that is not declared for a valid one', () => {
    expect(backend.validateResponse({ a: 1 }, 'x', 200).valid).toBe(true);
    expect(backend.validateResponse({ a: 1 }, 'x', 418).valid).toBe(false);
    expect(backend.validateResponse(undefined, 'x', 204).valid).toBe(true);
    expect(backend.validateRequest({ method: 'get', path: '/x', headers: {}, query: { z: '1' } }, 'x').valid).toBe(
      false,
    );
  });
});
