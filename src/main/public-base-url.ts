import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { lanAddress } from './lan-address.ts';

/** Where links begin: as configured, else the listening address; of a wildcard the first address on the local network. */
export function publicBaseUrl(config: Config, address: AddressInfo | undefined): string {
  if (config.values.PUBLIC_BASE_URL !== undefined) return config.values.PUBLIC_BASE_URL;
  const isWildcard = address?.address === '0.0.0.0' || address?.address === '::';
  const host = isWildcard ? (lanAddress() ?? '127.0.0.1') : (address?.address ?? config.values.HOST);
  return `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? config.values.PORT}`;
}
