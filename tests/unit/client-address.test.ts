import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createClientAddress } from '../../src/http/client-address.ts';

/** The address of a request that came over a socket from `peer`, with the header as it arrived. */
function addressOf(trusted: readonly string[], peer: string | undefined, forwarded?: string): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return createClientAddress(trusted)({ socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage);
}

describe('without a trusted proxy', () => {
  test.each(['6.6.6.6', '127.0.0.1', '6.6.6.6, 7.7.7.7', 'nonsense', ''])(
    'a forged header counts for nothing: %j',
    (forged) => {
      expect(addressOf([], '1.2.3.4', forged)).toBe('1.2.3.4');
    },
  );

  test('the address is that of the connection', () => {
    expect(addressOf([], '1.2.3.4')).toBe('1.2.3.4');
    expect(addressOf([], '2001:db8::1')).toBe('2001:db8::1');
  });

  test('an IPv4 address on an IPv6 socket is the IPv4 address', () => {
    expect(addressOf([], '::ffff:1.2.3.4')).toBe('1.2.3.4');
  });

  test('a connection that is gone has an address too', () => {
    expect(addressOf([], undefined)).toBe('unknown');
  });
});

describe('with trusted proxies', () => {
  const PROXIES = ['10.0.0.1', '192.168.0.0/16', '2001:db8::/32'];

  test('the header of anybody else counts for nothing', () => {
    expect(addressOf(PROXIES, '1.2.3.4', '6.6.6.6')).toBe('1.2.3.4');
    expect(addressOf(PROXIES, '10.0.0.2', '6.6.6.6')).toBe('10.0.0.2');
    expect(addressOf(PROXIES, '2001:db9::1', '6.6.6.6')).toBe('2001:db9::1');
  });

  test.each(['10.0.0.1', '192.168.7.7', '2001:db8:1::5', '::ffff:10.0.0.1', '::ffff:192.168.1.1'])(
    'the proxy %s tells who it speaks for',
    (proxy) => {
      expect(addressOf(PROXIES, proxy, '1.2.3.4')).toBe('1.2.3.4');
      expect(addressOf(PROXIES, proxy, '2001:db9::7')).toBe('2001:db9::7');
    },
  );

  test('only what the last trusted proxy saw counts, not what the client wrote before it', () => {
    expect(addressOf(PROXIES, '10.0.0.1', '6.6.6.6, 1.2.3.4')).toBe('1.2.3.4');
    expect(addressOf(PROXIES, '10.0.0.1', '6.6.6.6, 1.2.3.4, 192.168.0.9')).toBe('1.2.3.4');
    expect(addressOf(PROXIES, '10.0.0.1', '6.6.6.6, 192.168.0.9, 1.2.3.4')).toBe('1.2.3.4');
  });

  test('a chain of trusted proxies is followed to its first hop', () => {
    expect(addressOf(PROXIES, '10.0.0.1', '1.2.3.4,192.168.0.1 ,  2001:db8::9')).toBe('1.2.3.4');
    expect(addressOf(PROXIES, '10.0.0.1', '192.168.0.2, 192.168.0.1')).toBe('192.168.0.2');
  });

  test('an IPv4-mapped hop is the IPv4 address', () => {
    expect(addressOf(PROXIES, '10.0.0.1', '::ffff:1.2.3.4')).toBe('1.2.3.4');
    expect(addressOf(PROXIES, '10.0.0.1', '1.2.3.4, ::ffff:192.168.0.1')).toBe('1.2.3.4');
  });

  test.each(['', 'unknown', '6.6.6.6, _hidden', '1.2.3.4:8080', '1.2.3', '<script>', '6.6.6.6,'])(
    'a hop that is no address ends the walk at the proxy: %j',
    (forwarded) => {
      expect(addressOf(PROXIES, '10.0.0.1', forwarded)).toBe('10.0.0.1');
    },
  );

  test('a proxy that says nothing is the client', () => {
    expect(addressOf(PROXIES, '10.0.0.1')).toBe('10.0.0.1');
  });

  test('a mapped entry trusts the IPv4 proxy it names', () => {
    expect(addressOf(['::ffff:10.0.0.1'], '10.0.0.1', '1.2.3.4')).toBe('1.2.3.4');
  });

  test('any number of hops takes no longer than reading them', () => {
    expect(addressOf(PROXIES, '10.0.0.1', `1.2.3.4${',192.168.0.1'.repeat(5_000)}`)).toBe('1.2.3.4');
  });
});

describe('an entry that is neither an address nor a network', () => {
  test.each([
    '',
    'proxy.local',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8.5',
    '10.0.0.0/0x8',
    '10.0.0.0/1e1',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '2001:db8::/129',
    '/8',
  ])('is refused: %j', (entry) => {
    expect(() => createClientAddress(['10.0.0.1', entry])).toThrow();
  });

  test('is named', () => {
    expect(() => createClientAddress(['proxy.local'])).toThrow('proxy.local');
    expect(() => createClientAddress(['10.0.0.0/33'])).toThrow('10.0.0.0/33');
  });
});
