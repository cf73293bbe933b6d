import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../src/providers/address-guard.ts';
import { judgeUrl } from '../../src/providers/url-guard.ts';

const NOT_PUBLIC: readonly [what: string, ...addresses: string[]][] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['private', '10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
  ['shared by a carrier', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.1', '127.255.255.255', '::1'],
  ['link-local', '169.254.0.0', '169.254.169.254', '169.254.255.255', 'fe80::1', 'febf::1', 'fe80::1%eth0'],
  ['protocol assignments', '192.0.0.0', '192.0.0.170', '192.88.99.1', '2001:1::1', '2001:4:112::1'],
  ['documentation', '192.0.2.1', '198.51.100.255', '203.0.113.0', '2001:db8::1', '3fff::1', '3fff:fff::1'],
  ['benchmarking', '198.18.0.0', '198.19.255.255', '2001:2::1'],
  ['multicast', '224.0.0.0', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  ['reserved and broadcast', '240.0.0.0', '255.255.255.255'],
  ['unspecified', '::'],
  ['unique local', 'fc00::1', 'fd12:3456::1', 'fdff:ffff::1'],
  ['site-local, as it once was', 'fec0::1'],
  ['IPv4-mapped', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '0:0:0:0:0:ffff:a9fe:a9fe'],
  ['IPv4-compatible', '::127.0.0.1', '::8.8.8.8'],
  ['IPv4-translated', '64:ff9b::127.0.0.1', '64:ff9b::8.8.8.8', '64:ff9b:1::1', '::ffff:0:127.0.0.1'],
  ['6to4', '2002:7f00:1::', '2002:808:808::1'],
  ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ['discard and segment routing', '100::1', '5f00::1'],
  [
    'no address',
    '',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '017700000001',
    '2130706433',
    '10.0.0.256',
    '[::1]',
    '1.1.1.1 ',
  ],
];
const PUBLIC = ['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'];
const MORE_PUBLIC = ['128.0.0.1', '172.15.255.255', '172.32.0.0', '192.167.255.255', '223.255.255.255', '198.17.0.1'];
const PUBLIC_IPV6 = ['2001:200::1', '2606:4700:4700::1111', '2a00:1450:4001::8a', '2003::1', '3ffe::1'];

describe('an address is not public when it is', () => {
  it.each(NOT_PUBLIC)('%s', (_what, ...addresses) => {
    expect(addresses.filter(isPublicAddress)).toEqual([]);
  });
});

describe('an address is public', () => {
  it.each([...PUBLIC, ...MORE_PUBLIC, ...PUBLIC_IPV6])('%s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('for any IPv4 address', () => {
  const bytes = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));

  it('no IPv6 form that carries it is public', () => {
    fc.assert(
      fc.property(bytes, ([a, b, c, d]) => {
        const dotted = `${a}.${b}.${c}.${d}`;
        const high = (a * 256 + b).toString(16);
        const low = (c * 256 + d).toString(16);
        const forms = [`::ffff:${dotted}`, `::${dotted}`, `64:ff9b::${dotted}`, `2002:${high}:${low}::1`];
        const longForms = [`0:0:0:0:0:ffff:${high}:${low}`, `2001:0:${high}:${low}::`];
        expect([...forms, ...longForms].filter(isPublicAddress)).toEqual([]);
      }),
    );
  });

  it('the answer is that of arithmetic on its bytes', () => {
    fc.assert(
      fc.property(bytes, ([a, b, c, d]) => {
        const isPrivate =
          a === 10 || (a === 172 && b >> 4 === 1) || (a === 192 && b === 168) || (a === 100 && b >> 6 === 1);
        const isLocal = a === 0 || a === 127 || (a === 169 && b === 254) || a >= 224;
        const isReserved =
          (a === 192 && b === 0 && (c === 0 || c === 2)) ||
          (a === 192 && b === 88 && c === 99) ||
          (a === 198 && (b >> 1 === 9 || (b === 51 && c === 100))) ||
          (a === 203 && b === 0 && c === 113);
        expect(isPublicAddress(`${a}.${b}.${c}.${d}`)).toBe(!(isPrivate || isLocal || isReserved));
      }),
    );
  });
});

describe('a URL is refused', () => {
  const rules = { hosts: ['cdn.example', '*.media.example'] };
  const faultOf = (text: string): string | undefined => {
    const judged = judgeUrl(text, rules);
    return 'fault' in judged ? judged.fault : undefined;
  };

  it.each([
    ['no URL', 'cdn.example/a.png', /no URL/],
    ['a file', 'file:///etc/passwd', /file: URL/],
    ['its own content', 'data:image/png;base64,iVBORw0KGgo=', /data: URL/],
    ['another scheme', 'gopher://cdn.example/', /gopher: URL/],
    ['not encrypted', 'http://cdn.example/a.png', /not https/],
    ['with a user', 'https://user@cdn.example/a.png', /user or a password/],
    ['with a password', 'https://:secret@cdn.example/a.png', /user or a password/],
    ['on a port of its own', 'https://cdn.example:8443/a.png', /port 8443/],
    ['another host', 'https://evil.example/a.png', /evil\.example/],
    ['a host that ends alike', 'https://evilmedia.example/a.png', /not one of the service/],
    ['the bare name below a star', 'https://media.example/a.png', /not one of the service/],
    ['an empty label below a star', 'https://.media.example/a.png', /no URL|not one of the service/],
    ['a root dot', 'https://cdn.example./a.png', /not one of the service/],
    ['the allowed host as a user', 'https://cdn.example@evil.example/', /user or a password/],
    ['the allowed host before a backslash', 'https://evil.example\\@cdn.example/', /evil\.example/],
    ['an address in odd digits', 'https://0x7f.1/a.png', /127\.0\.0\.1/],
    ['an IPv6 address', 'https://[::ffff:127.0.0.1]/', /not one of the service/],
    ['too long', `https://cdn.example/${'a'.repeat(5_000)}`, /longer than 4000/],
  ])('%s', (_what, text, fault) => {
    expect(faultOf(text)).toMatch(fault);
  });

  it.each(['https://cdn.example/a.png?x=1', 'https://CDN.example:443/', 'https://a.b.media.example/'])(
    'not: %s',
    (text) => {
      expect(judgeUrl(text, rules)).toEqual({ url: new URL(text) });
    },
  );

  it('unless its very origin is an exception', () => {
    const excepted = { ...rules, exceptOrigins: ['http://127.0.0.1:8081'] };
    expect(judgeUrl('http://127.0.0.1:8081/a', excepted)).toHaveProperty('url');
    for (const other of ['http://127.0.0.1:8082/a', 'https://127.0.0.1:8081/', 'http://localhost:8081/'])
      expect(judgeUrl(other, excepted)).toHaveProperty('fault');
  });
});
