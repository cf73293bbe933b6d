import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import type { ContractValidators } from '../contract/contract.ts';
import type { Log } from '../log.ts';
import type { OpenedAccess } from './open-access.ts';

/** What a test may ask of a server beyond its configuration. */
export interface StartOptions {
  /** Checks every answer against these validators and reports what does not fit; for tests and development. */
  readonly strictResponses?: ContractValidators['responseValidators'];
}

/** A started server. */
export interface RunningServer extends Omit<OpenedAccess, 'passwordCheck'> {
  readonly config: Config;
  readonly log: Log;
  /** Undefined in a process that serves no requests. */
  readonly address: AddressInfo | undefined;
  /** Where metrics are served alone; undefined where they are not. */
  readonly metricsAddress: AddressInfo | undefined;
  readonly publicBaseUrl: string;
  /** Finishes what is held and running within the grace period, gives the rest back, and ends. */
  stop(): Promise<void>;
}
