/** One station's request on its way to the station inspector. */
import { DomainError } from '../../domain/errors.ts';
import { isSlotId } from '../../domain/slots.ts';
import type { StationInspector } from '../slot/station-inspector.ts';
import { type ArrivalFacts, newArrivalFacts, packArrival } from './arrival-facts.ts';

const MESSAGE_LENGTH_MAX = 500;

/** What is known of a request from its head. */
export interface NotedRequest {
  readonly slotId: string;
  readonly arrivedAt: number;
  readonly clientAddress: string;
  readonly userAgent: string | undefined;
  readonly queryTokens: Readonly<Record<string, unknown>>;
}

/** What is known of a request until it has ended; some hundred bytes, as every held request has one. */
export interface RequestNote {
  readonly request: NotedRequest;
  /** To be filled while the upload runs. */
  readonly facts: ArrivalFacts;
  jobId: string | null;
  /** The facts once they are complete; missing again when so many newer requests came that this one is of no interest. */
  arrived: string | undefined;
}

/** Opens the note of a request. */
export const openNote = (request: NotedRequest): RequestNote => ({
  request,
  facts: newArrivalFacts(),
  jobId: null,
  arrived: undefined,
});

/** The request is a job now and will be held. */
export function acceptNote(inspector: StationInspector, note: RequestNote, jobId: string): void {
  note.jobId = jobId;
  note.arrived = pack(note);
  note.facts.fields = [];
  note.facts.file = undefined;
  inspector.hold(note.request.slotId, note);
}

/** How a request ended: with its picture, with the promise of one, or with what was thrown. */
export type RequestEnd = 'answered' | 'accepted' | 'failed';

/** The request has ended. Requests for slots that do not exist are not told of. */
export function endNote(inspector: StationInspector, note: RequestNote, end: RequestEnd, fault?: unknown): void {
  const { request, facts, jobId } = note;
  if (!isSlotId(request.slotId)) return;
  if (jobId !== null) inspector.release(request.slotId, note);
  const arrived = jobId === null ? pack(note, fault) : note.arrived;
  if (arrived === undefined) return;
  const { slotId, clientAddress: client, arrivedAt } = request;
  const durationMs = Math.round(performance.now() - arrivedAt);
  const outcome = end === 'failed' ? outcomeOf(fault) : { status: SUCCESS[end], code: null, message: null };
  inspector.note(
    { slotId, client, password: facts.password, count: 1, ...outcome, jobId, durationMs, arrived },
    arrivedAt,
  );
}

const pack = ({ facts, request }: RequestNote, fault?: unknown): string =>
  packArrival(facts, { userAgent: request.userAgent, queryNames: Object.keys(request.queryTokens) }, fault);

const SUCCESS = { answered: 200, accepted: 202 } as const;

/** Faults that leave nobody to answer, by the name of the error. */
const UNANSWERED: Readonly<Record<string, { readonly code: string; readonly message: string }>> = {
  ClientGoneError: { code: 'client_gone', message: 'The station closed the connection before it was answered.' },
  UploadAbortedError: { code: 'client_gone', message: 'The station closed the connection during its upload.' },
  UploadStalledError: { code: 'upload_stalled', message: 'The station stopped sending; the connection was closed.' },
};

function outcomeOf(fault: unknown) {
  if (fault instanceof DomainError) {
    const message = fault.message.slice(0, MESSAGE_LENGTH_MAX).replaceAll('\0', '\uFFFD').toWellFormed();
    return { status: fault.status, code: fault.code, message };
  }
  const unanswered = fault instanceof Error ? UNANSWERED[fault.name] : undefined;
  if (unanswered !== undefined) return { status: null, ...unanswered };
  return { status: 500, code: 'internal_error', message: 'The server made a mistake. Its log says more.' };
}
