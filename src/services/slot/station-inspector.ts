/**
 * What stations sent, for operators who set a booth up. Ingest only leaves a note in memory; a ticker writes the notes down, all of
 * them at once, so that no photo waits for it.
 */
import type { Db } from '../../db/db.ts';
import { type EndedRequest, STATION_REQUESTS_MAX, UNPROVED_REQUESTS_MAX } from '../../domain/station-request.ts';
import { isConnectionFault } from '../../repositories/connection-fault.ts';
import { keepStationRequests, pruneStationRequests } from '../../repositories/station-requests.ts';

/** How many requests with, and how many without, the right password may wait to be written down; the oldest go first. */
const WAITING_MAX = 200;

const LIMITS = { requestsMax: STATION_REQUESTS_MAX, unprovedMax: UNPROVED_REQUESTS_MAX };

/** What arrived with a request that is held; taken away when the request is of no interest any more. */
export interface HeldArrival {
  arrived: string | undefined;
}

/** Notes of requests in this process, and the way to the table that all servers share. */
export interface StationInspector {
  /**
   * Tells of a request that will be held for long. Of each slot only the newest ones could be listed once they end, so the others need not
   * keep what arrived: thousands of held requests cost next to nothing.
   */
  hold(slotId: string, arrival: HeldArrival): void;
  /** The request is no longer held. */
  release(slotId: string, arrival: HeldArrival): void;
  /**
   * Notes a request that has ended. Never waits and never throws.
   *
   * @param arrivedAt on the process's monotonic clock (`performance.now()`), in milliseconds.
   */
  note(request: EndedRequest, arrivedAt: number): void;
  /**
   * Writes down what waits, and forgets what is beyond the limits; calls take turns. After a lost database the notes wait for the next call; if only its
   * answer was lost, they stand there twice.
   */
  flush(): Promise<void>;
}

type Note = EndedRequest & { readonly arrivedAt: number };

/** An inspector; one per process. */
export function createStationInspector({ db }: { readonly db: Db }): StationInspector {
  let proved: Note[] = [];
  let unproved = new Map<string, Note>();
  let turn: Promise<void> = Promise.resolve();
  const held = new Map<string, HeldArrival[]>();

  function remember(note: Note): void {
    if (note.password === 'right') {
      proved.push(note);
      if (proved.length > WAITING_MAX) proved.shift();
      return;
    }
    const key = `${note.slotId} ${note.client} ${note.code}`;
    const earlier = unproved.get(key);
    unproved.delete(key);
    unproved.set(key, earlier === undefined ? note : { ...note, count: earlier.count + note.count });
    const [oldest] = unproved.size > WAITING_MAX ? unproved.keys() : [];
    if (oldest !== undefined) unproved.delete(oldest);
  }

  async function write(): Promise<void> {
    const notes = [...proved, ...unproved.values()];
    if (notes.length === 0) return;
    proved = [];
    unproved = new Map();
    try {
      const now = performance.now();
      await keepStationRequests(
        db,
        notes.map((note) => ({ ...note, ageMs: now - note.arrivedAt })),
      );
      await pruneStationRequests(db, [...new Set(notes.map((note) => note.slotId))], LIMITS);
    } catch (error) {
      if (isConnectionFault(error)) for (const note of [...notes, ...takeBack()]) remember(note);
      throw error;
    }
  }

  /** What came in meanwhile, to be remembered again behind what is older. */
  function takeBack(): Note[] {
    const later = [...proved, ...unproved.values()];
    proved = [];
    unproved = new Map();
    return later;
  }

  return {
    hold(slotId, arrival) {
      const arrivals = held.get(slotId) ?? [];
      held.set(slotId, arrivals);
      arrivals.push(arrival);
      const oldest = arrivals.length > STATION_REQUESTS_MAX ? arrivals.shift() : undefined;
      if (oldest !== undefined) oldest.arrived = undefined;
    },
    release(slotId, arrival) {
      const arrivals = held.get(slotId) ?? [];
      const at = arrivals.indexOf(arrival);
      if (at >= 0) arrivals.splice(at, 1);
    },
    note: (request, arrivedAt) => remember({ ...request, arrivedAt }),
    flush() {
      turn = turn.catch(() => undefined).then(write);
      return turn;
    },
  };
}
