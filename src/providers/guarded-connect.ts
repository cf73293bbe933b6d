import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { isPublicAddress } from './address-guard.ts';

/** An address that a name resolved to. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Resolves a host name to all its addresses. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** A connection that is not made because of where it would lead. */
export class AddressFault extends Error {
  override readonly name = 'AddressFault';
  readonly code = 'ADDRESS_REFUSED';
}

const CONNECT_TIMEOUT_MS = 5_000;

/** The system's resolver. */
const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true });

/**
 * Makes connections to public addresses only. A name is resolved once for each connection, every address it has is judged, and the
 * connection goes to one of those very addresses: a name that answers differently the next time gains nothing. One address that
 * is not public refuses the name, for an honest service has none.
 *
 * @param exceptOrigins origins that are connected to without a judgement.
 */
export function createGuardedConnect(
  exceptOrigins: readonly string[],
  resolve: Resolve = resolveBySystem,
): buildConnector.connector {
  const options = { timeout: CONNECT_TIMEOUT_MS, allowH2: false } as const;
  const connectAnywhere = buildConnector(options);
  const connectJudged = buildConnector({
    ...options,
    lookup: createJudgedLookup(resolve),
  } as buildConnector.BuildOptions);
  return (target, callback) => {
    const origin = URL.parse(`${target.protocol}//${target.host ?? target.hostname}`)?.origin ?? '';
    if (exceptOrigins.includes(origin)) return connectAnywhere(target, callback);
    const literal = target.hostname.replace(/^\[(.*)\]$/, '$1');
    // A literal address never reaches the lookup.
    if (isIP(literal) !== 0 && !isPublicAddress(literal)) {
      queueMicrotask(() => callback(new AddressFault(`the address ${literal} is not public`), null));
      return;
    }
    connectJudged(target, callback);
  };
}

function createJudgedLookup(resolve: Resolve): LookupFunction {
  return (hostname, { all }, callback) => {
    resolve(hostname)
      .then((addresses) => {
        const [first] = addresses;
        if (first === undefined) throw new AddressFault(`the host ${hostname} has no address`);
        const refused = addresses.find(({ address }) => !isPublicAddress(address));
        if (refused !== undefined)
          throw new AddressFault(`the host ${hostname} has the address ${refused.address}, which is not public`);
        // The callback is called outside of the promise: what it throws is not a failure of the lookup.
        if (all === true) setImmediate(callback, null, [...addresses]);
        else setImmediate(callback, null, first.address, first.family);
      })
      .catch((error: Error) => setImmediate(callback, error, ''));
  };
}
