import type { Db } from '../../db/db.ts';
import type { AddressThrottle } from '../address-throttle.ts';
import type { PictureDeps } from './receive-picture.ts';

/** What templates and public media need. */
export interface MediaDeps extends PictureDeps {
  readonly db: Db;
  /** Where links begin. */
  readonly publicBaseUrl: () => string;
  /** Limits how often an address may ask for public links; one for all kinds of them. */
  readonly throttle: AddressThrottle;
  /** The environment's window, in force until settings hold one; below 45 s it always rules (tests, rehearsals). */
  readonly windowSeconds: number;
}
