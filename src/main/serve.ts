/** From the contract and the parts to a listening server. */
import type { AddressInfo } from 'node:net';
import { createHandlers } from '../../handlers/index.ts';
import type { Config } from '../config.ts';
import { type Contract, type ContractValidators, createContract } from '../contract/contract.ts';
import { createApp } from '../http/app.ts';
import { createClientAddress } from '../http/client-address.ts';
import { type HttpServer, startHttpServer } from '../http/server.ts';
import { verifyToken } from '../services/access/verify-token.ts';
import { createHandlerDeps, type HandlerParts } from './create-handler-deps.ts';
import { lanAddress } from './lan-address.ts';

/**
 * Serves the contract.
 *
 * @param strictResponses validators that every answer is checked against; an answer that does not fit is a fault of the program.
 */
export async function serve(
  parts: HandlerParts,
  strictResponses: ContractValidators['responseValidators'] | undefined,
): Promise<HttpServer> {
  const { config, deps } = parts;
  const handlers = createHandlers({
    ...createHandlerDeps(parts),
    contractDocument: () => contract.document,
    contractVersion: () => contract.version,
  });
  const contract: Contract = createContract(handlers, strictResponses && { responseValidators: strictResponses });
  const app = createApp({
    contract,
    log: deps.log,
    access: {
      verifyToken: (token) => verifyToken({ db: deps.db, tokenKeys: parts.tokenKeys }, token),
      metricsToken: config.values.METRICS_TOKEN,
    },
    clientAddress: createClientAddress(config.values.TRUSTED_PROXIES),
    onAnswered: parts.metrics.requestAnswered,
    ...(strictResponses && {
      onFaultyResponse: (operationId, faults) => {
        throw new Error(`${operationId} answered what the contract does not say: ${JSON.stringify(faults)}`);
      },
    }),
  });
  return startHttpServer(app, {
    host: config.values.HOST,
    port: config.values.PORT,
    onError: (error) => deps.log.error({ err: error }, 'a connection could not be accepted'),
  });
}

/** Where links begin: as configured, else the listening address; of a wildcard the first address on the local network. */
export function publicBaseUrl(config: Config, address: AddressInfo | undefined): string {
  if (config.values.PUBLIC_BASE_URL !== undefined) return config.values.PUBLIC_BASE_URL;
  const isWildcard = address?.address === '0.0.0.0' || address?.address === '::';
  const host = isWildcard ? (lanAddress() ?? '127.0.0.1') : (address?.address ?? config.values.HOST);
  return `http://${host.includes(':') ? `[${host}]` : host}:${address?.port ?? config.values.PORT}`;
}
