import { describe, expect, it } from 'vitest';
import { createContractOf } from '../../src/contract/contract.ts';
import { compileValidators, makeContract, makeDocument, makeOperation } from '../support/small-contract.ts';

const idParameter = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

const document = makeDocument({
  '/a/{id}': { parameters: [idParameter], get: makeOperation('getA'), put: makeOperation('putA') },
  '/a/static': { post: makeOperation('postStatic') },
  '/a/static/deep': { get: makeOperation('getDeep') },
  '/a/{id}/part': { parameters: [idParameter], get: makeOperation('getPart') },
  '/plain': { get: makeOperation('getPlain'), delete: makeOperation('deletePlain') },
});
const contract = makeContract(document);

/** The operation's name and parameters, or what else came of the match. */
function route(method: string, path: string): unknown {
  const match = contract.match(method, path);
  return match.kind === 'operation' ? [match.operation.operationId, match.params] : match;
}

describe('routing', () => {
  it('serves a 3.1 document: every operation is there', () => {
    expect(contract.operations.map(({ operationId }) => operationId)).toEqual([
      'getA',
      'putA',
      'postStatic',
      'getDeep',
      'getPart',
      'getPlain',
      'deletePlain',
    ]);
  });

  it('finds literal and template paths', () => {
    expect(route('GET', '/plain')).toEqual(['getPlain', {}]);
    expect(route('GET', '/a/1')).toEqual(['getA', { id: '1' }]);
    expect(route('PUT', '/a/1')).toEqual(['putA', { id: '1' }]);
  });

  it('a path that has only other methods is 405 and never falls through to a template beside it', () => {
    expect(route('GET', '/a/static')).toEqual({ kind: 'method_not_allowed', allow: ['POST'] });
    expect(route('PUT', '/a/static')).toEqual({ kind: 'method_not_allowed', allow: ['POST'] });
  });

  it('a literal segment that leads nowhere does not hide the template that leads somewhere', () => {
    expect(route('GET', '/a/static/part')).toEqual(['getPart', { id: 'static' }]);
    expect(route('GET', '/a/static/deep')).toEqual(['getDeep', {}]);
  });

  it('405 lists the methods of the path, sorted, with HEAD wherever there is GET', () => {
    expect(route('POST', '/plain')).toEqual({ kind: 'method_not_allowed', allow: ['DELETE', 'GET', 'HEAD'] });
    expect(route('DELETE', '/a/1')).toEqual({ kind: 'method_not_allowed', allow: ['GET', 'HEAD', 'PUT'] });
  });

  it('HEAD finds the GET operation, and nothing where there is no GET', () => {
    expect(route('HEAD', '/a/1')).toEqual(['getA', { id: '1' }]);
    expect(route('HEAD', '/a/static')).toEqual({ kind: 'method_not_allowed', allow: ['POST'] });
  });

  it.each(['__proto__', 'constructor', 'toString', 'get', 'BREW', ''])('the method %j is no method', (method) => {
    expect(route(method, '/plain')).toMatchObject({ kind: 'method_not_allowed' });
  });

  it('percent-encoding is decoded once', () => {
    expect(route('GET', '/a/b%2Fc%20d')).toEqual(['getA', { id: 'b/c d' }]);
    expect(route('GET', '/a/%2541')).toEqual(['getA', { id: '%41' }]);
    expect(route('GET', '/a/%D1%8F')).toEqual(['getA', { id: 'я' }]);
  });

  it.each(['/a/%zz', '/a/%', '/a/%ff', '/a/%C0%AF', '/nowhere/%zz', '/plain%'])('%s is malformed', (path) => {
    expect(route('GET', path)).toEqual({ kind: 'malformed_path' });
  });

  it('ignores exactly one trailing slash', () => {
    expect(route('GET', '/plain/')).toEqual(['getPlain', {}]);
    expect(route('GET', '/a/1/')).toEqual(['getA', { id: '1' }]);
    expect(route('GET', '/plain//')).toEqual({ kind: 'not_found' });
    expect(route('GET', '/a/1//')).toEqual({ kind: 'not_found' });
  });

  it.each(['', '/', '//', '/a', '/a/', '/a//', '//plain', '/PLAIN', 'plain', '*', '/a/1/2/3', '/plain/..'])(
    '%j is not found: an empty segment fills no template',
    (path) => {
      expect(route('GET', path)).toEqual({ kind: 'not_found' });
    },
  );

  it('a parameter may have any text, also one that names a member of every object', () => {
    expect(route('GET', '/a/__proto__')).toEqual(['getA', { id: '__proto__' }]);
    expect(route('GET', '/a/constructor')).toEqual(['getA', { id: 'constructor' }]);
    expect(route('GET', '/a/%00')).toEqual(['getA', { id: '\u0000' }]);
  });

  it('two templates at one place keep their own names', () => {
    const named = makeContract(
      makeDocument({
        '/s/{one}': { get: makeOperation('getOne') },
        '/s/{two}/x': { get: makeOperation('getTwo') },
      }),
    );
    expect(named.match('GET', '/s/1')).toMatchObject({ params: { one: '1' } });
    expect(named.match('GET', '/s/1/x')).toMatchObject({ params: { two: '1' } });
  });
});

describe('starting', () => {
  const start = (paths: unknown, handlers: Record<string, unknown>) => {
    const small = makeDocument(paths);
    return () => createContractOf({ document: small, ...compileValidators(small), handlers });
  };
  const run = async () => ({ status: 200 });

  it('refuses a document without operations', () => {
    expect(start({}, {})).toThrow('it has no operations');
    expect(start(undefined, {})).toThrow('it has no operations');
  });

  it('refuses to start without every handler and names all that are missing', () => {
    const paths = {
      '/a': { get: makeOperation('getA'), put: makeOperation('putA') },
      '/b': { get: makeOperation('getB') },
    };
    expect(start(paths, { putA: run })).toThrow('operations without a handler: getA, getB');
    expect(start(paths, { getA: run, putA: run, getB: 'no function' })).toThrow('operations without a handler: getB');
  });

  it('refuses handlers of operations that do not exist, also under names that its library knows', () => {
    const paths = { '/a': { get: makeOperation('getA') } };
    expect(start(paths, { getA: run, getC: run, notFound: run })).toThrow(
      'handlers without an operation: getC, notFound',
    );
  });

  it('does not take an inherited member for a handler', () => {
    expect(start({ '/a': { get: makeOperation('toString') } }, {})).toThrow('operations without a handler: toString');
  });

  it.each([
    ['no operationId', { '/a': { get: { responses: { 200: { description: '' } } } } }, 'GET /a has no operationId'],
    ['one operationId twice', { '/a': { get: makeOperation('x'), put: makeOperation('x') } }, 'two operations named x'],
    [
      'two templates for one path',
      { '/a/{b}': { get: makeOperation('x') }, '/a/{c}': { get: makeOperation('y') } },
      'two operations at GET /a/{c}',
    ],
    ['a segment that is partly a template', { '/a/{b}.csv': { get: makeOperation('x') } }, 'only partly a template'],
    [
      'a default answer',
      { '/a': { get: makeOperation('x', { responses: { default: { description: '' } } }) } },
      'status default is not a single number',
    ],
    [
      'a class of statuses',
      { '/a': { get: makeOperation('x', { responses: { '5XX': { description: '' } } }) } },
      'status 5XX is not a single number',
    ],
    ['no answer at all', { '/a': { get: makeOperation('x', { responses: {} }) } }, 'x declares no response'],
    [
      'a cookie',
      { '/a': { get: makeOperation('x', { parameters: [{ name: 'c', in: 'cookie', schema: { type: 'string' } }] }) } },
      'lies in a cookie',
    ],
    [
      'an object in the query',
      { '/a': { get: makeOperation('x', { parameters: [{ name: 'c', in: 'query', schema: { type: 'object' } }] }) } },
      'no simple type',
    ],
    [
      'a rule for unknown queries that nobody knows',
      { '/a': { get: makeOperation('x', { 'x-unknown-query': 'drop' }) } },
      'x-unknown-query must be one of',
    ],
    [
      'a code of another status for faulty requests',
      { '/a': { get: makeOperation('x', { 'x-invalid-request-code': 'forbidden' }) } },
      'x-invalid-request-code must be a code of status 400',
    ],
    [
      'a reference that leads nowhere',
      { '/a': { get: makeOperation('x', { parameters: [{ $ref: '#/components/parameters/p' }] }) } },
      'leads nowhere',
    ],
  ])('refuses %s', (_name, paths, message) => {
    expect(start(paths, { x: run, y: run })).toThrow(message);
  });

  it('refuses an operation whose validators were not generated', () => {
    const small = makeDocument({ '/a': { get: makeOperation('getA') } });
    const make = () =>
      createContractOf({ document: small, requestValidators: {}, responseValidators: {}, handlers: { getA: run } });
    expect(make).toThrow('getA has no validators: run "npm run generate"');
  });
});
