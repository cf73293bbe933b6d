/** From the contract and the parts to a listening server. */
import { createHandlers } from '../../handlers/index.ts';
import { type Contract, type ContractValidators, createContract } from '../contract/contract.ts';
import { createApp } from '../http/app.ts';
import { createClientAddress } from '../http/client-address.ts';
import { type HttpServer, startHttpServer } from '../http/server.ts';
import { verifyToken } from '../services/access/verify-token.ts';
import { createHandlerDeps, type HandlerParts } from './create-handler-deps.ts';
import { rehearsalHeaders } from './rehearsal-marks.ts';

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
    headers: rehearsalHeaders(config),
    onError: (error) => deps.log.error({ err: error }, 'a connection could not be accepted'),
  });
}
