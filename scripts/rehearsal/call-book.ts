/** What the simulated services know of the calls they got: their own books, which the server's word is measured by. */
import type { Fault } from './draw-fault.ts';

/** A call as its service booked it. Times are milliseconds of `performance.now()`. */
export interface BookedCall {
  readonly providerId: string;
  /** Undefined where the picture that came was none of the morning's photos, or none came. */
  readonly photoNo: number | undefined;
  /** False where the service could not fetch a picture from the link it got. */
  readonly hasPhoto: boolean;
  readonly fault: Fault;
  /** The behaviour's kind. */
  readonly kind: string;
  readonly beganAt: number;
  /** When its picture was wholly handed over. */
  servedAt: number | undefined;
}

/** Turbotext bills every job that it takes, whatever becomes of it. */
const BILLS_AT_ONCE: ReadonlySet<string> = new Set(['turbotext']);
const TAKEN_KINDS: ReadonlySet<string> = new Set(['success', 'no_picture', 'never']);
const FREE_FAULTS: ReadonlySet<Fault> = new Set(['server_error', 'throttled', 'down']);

/** What a service would have put on the bill by a moment: what was answered with an error costs nothing, what was cut or hangs may. */
function billOf({ providerId, fault, kind, servedAt }: BookedCall, at: number): 'no' | 'maybe' | 'yes' {
  if (FREE_FAULTS.has(fault)) return 'no';
  if (BILLS_AT_ONCE.has(providerId) && TAKEN_KINDS.has(kind)) return 'yes';
  return servedAt !== undefined && servedAt <= at ? 'yes' : 'maybe';
}

/**
 * The calls that were made although the same photo had been paid for at the same service: after one that is known to be billed,
 * or, where `neverRepeats` says so of the photo, after one that may have been.
 */
export function findDoubleCharges(
  calls: readonly BookedCall[],
  neverRepeats: (photoNo: number) => boolean,
): readonly BookedCall[] {
  const earlier = new Map<string, BookedCall[]>();
  return [...calls]
    .sort((one, other) => one.beganAt - other.beganAt)
    .filter((call) => {
      const { photoNo, providerId, beganAt } = call;
      if (photoNo === undefined) return false;
      const name = `${photoNo}/${providerId}`;
      const before = earlier.get(name) ?? [];
      earlier.set(name, [...before, call]);
      const bills = before.map((one) => billOf(one, beganAt));
      return bills.includes('yes') || (bills.includes('maybe') && neverRepeats(photoNo));
    });
}
