/**
 * Whom a limit per address counts: an IPv4 address is one client; of IPv6 the first 64 bits are, because a single line commonly has
 * all 2^64 addresses below them (RFC 6177) and could use another one for every try.
 *
 * @returns the address itself where it is not IPv6.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  const [bare = ''] = address.split('%');
  const [head = '', tail] = bare.split('::');
  const groups = head === '' ? [] : head.split(':');
  // the embedded IPv4 form ends with two groups in one word
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const afterLength = after.length + (after.at(-1)?.includes('.') ? 1 : 0);
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - afterLength);
  const whole = [...groups, ...Array.from({ length: missing }, () => '0'), ...after];
  const network = whole.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '').toLowerCase());
  return `${network.join(':')}::/64`;
}
