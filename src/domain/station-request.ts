/** What was found of a request's password; `unchecked` where something else was wrong before it came. */
export type PasswordFinding = 'right' | 'wrong' | 'missing' | 'unchecked';

/** How many requests of each slot the station inspector shows. */
export const STATION_REQUESTS_MAX = 50;

/** How many of them may be requests without the right password: guessing must not push out what honest stations sent. */
export const UNPROVED_REQUESTS_MAX = 10;

/** A request that has ended. Requests without the right password share a place by slot, client and code. */
export interface EndedRequest {
  readonly slotId: string;
  readonly client: string;
  readonly password: PasswordFinding;
  /** How many requests share this place. */
  readonly count: number;
  /** Null: nothing could be answered. */
  readonly status: number | null;
  /** Null with 200. */
  readonly code: string | null;
  readonly message: string | null;
  readonly jobId: string | null;
  readonly durationMs: number;
  /** JSON; see the schema `StationRequest`. */
  readonly arrived: string;
}
