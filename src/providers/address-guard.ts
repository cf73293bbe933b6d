import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * Networks of IPv4 that no service on the internet answers from: https://www.iana.org/assignments/iana-ipv4-special-registry,
 * and multicast (RFC 5771).
 */
const REFUSED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

/**
 * Global unicast of IPv6 (RFC 4291, 2.4). Everything outside is refused without being named: `::`, `::1`, IPv4-mapped and
 * -compatible forms, `64:ff9b::/96`, `fc00::/7`, `fe80::/10`, `ff00::/8`.
 */
const GLOBAL_IPV6 = '2000::/3';

/**
 * What is refused inside it: https://www.iana.org/assignments/iana-ipv6-special-registry. The first holds Teredo and benchmarking,
 * `2002::/16` is 6to4: both carry an IPv4 address of the sender's choice.
 */
const REFUSED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const;

const refused4 = networks(REFUSED_IPV4, 'ipv4');
const refused6 = networks(REFUSED_IPV6, 'ipv6');
const global6 = networks([GLOBAL_IPV6], 'ipv6');

/**
 * Whether a server on the public internet can have this address. Text that is not an IP address, or names a zone
 * (`fe80::1%eth0`), is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused4.check(address, 'ipv4');
  if (!isIPv6(address) || address.includes('%')) return false;
  return global6.check(address, 'ipv6') && !refused6.check(address, 'ipv6');
}

function networks(list: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const found = new BlockList();
  for (const network of list) {
    const [address = '', prefix = ''] = network.split('/');
    found.addSubnet(address, Number(prefix), family);
  }
  return found;
}
