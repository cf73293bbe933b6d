import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/**
 * Builds the function that tells a client's address. `X-Forwarded-For` is read from its right end, hop by hop, and only as long
 * as the hop that added the entry is a trusted proxy: what a client writes itself is never believed.
 *
 * @param trusted addresses or CIDR networks. @throws Error naming an entry that is neither.
 */
export function createClientAddress(trusted: readonly string[]): (req: IncomingMessage) => string {
  const proxies = new BlockList();
  for (const entry of trusted) addProxy(proxies, entry);
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version !== 0 && proxies.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };
  return (req) => {
    let address = plain(req.socket.remoteAddress ?? 'unknown');
    if (trusted.length === 0) return address;
    const forwarded = String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((hop) => plain(hop.trim()));
    while (forwarded.length > 0 && isTrusted(address)) {
      const hop = forwarded.pop() as string;
      if (isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

const ENTRY = /^(?<address>[^/]+)(?:\/(?<prefix>\d{1,3}))?$/;

function addProxy(proxies: BlockList, entry: string): void {
  const { address = '', prefix } = ENTRY.exec(entry)?.groups ?? {};
  const version = isIP(address);
  if (version === 0 || Number(prefix ?? 0) > (version === 6 ? 128 : 32))
    throw new Error(`"${entry}" is not an address or a network (CIDR)`);
  const family = version === 6 ? 'ipv6' : 'ipv4';
  if (prefix === undefined) proxies.addAddress(address, family);
  else proxies.addSubnet(address, Number(prefix), family);
}

/** IPv4 addresses that arrive on an IPv6 socket are shown as IPv4. */
const plain = (address: string): string =>
  address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
