import { describe, expect, test } from 'vitest';
import { isConnectionFault } from '../../src/db/pool.ts';

const withCode = (code: string): Error => Object.assign(new Error('from the driver'), { code });

describe('a fault of the connection, answered 503', () => {
  test.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])(
    'socket error %s',
    (code) => {
      expect(isConnectionFault(withCode(code))).toBe(true);
    },
  );

  test.each(['08000', '08006', '08P01', '57P01', '57P02', '57P03', '53300', '53100', '57014', '55P03', '25006'])(
    'SQLSTATE %s',
    (code) => {
      expect(isConnectionFault(withCode(code))).toBe(true);
    },
  );

  test.each([
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])('message of the driver: %s', (message) => {
    expect(isConnectionFault(new Error(message))).toBe(true);
  });

  test('one that is the cause of another error', () => {
    expect(isConnectionFault(new Error('job not stored', { cause: withCode('57P01') }))).toBe(true);
  });

  test('both addresses of a host refused', () => {
    expect(isConnectionFault(new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]))).toBe(true);
  });
});

describe('no fault of the connection', () => {
  test.each(['23505', '23514', '40001', '40P01', '42601', 'P0001', '28P01'])('SQLSTATE %s', (code) => {
    expect(isConnectionFault(withCode(code))).toBe(false);
  });

  test('an error of our own that mentions a connection', () => {
    expect(isConnectionFault(new Error('The station closed: Connection terminated'))).toBe(false);
  });

  test.each([[undefined], [null], ['ECONNREFUSED'], [{ code: 'ECONNREFUSED' }]])(
    'something thrown that is no error: %j',
    (thrown) => {
      expect(isConnectionFault(thrown)).toBe(false);
    },
  );

  test('a chain of causes that is a circle ends', () => {
    const error = new Error('first');
    error.cause = new Error('second', { cause: error });
    expect(isConnectionFault(error)).toBe(false);
  });
});
