import { describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import type { EndedRequest } from '../../src/domain/station-request.ts';
import { UploadAbortedError, UploadStalledError } from '../../src/http/upload/upload-errors.ts';
import { noteField } from '../../src/services/job/arrival-facts.ts';
import {
  acceptNote,
  endNote,
  type NotedRequest,
  openNote,
  type RequestEnd,
} from '../../src/services/job/request-note.ts';
import { createStationInspector } from '../../src/services/slot/station-inspector.ts';

const head = (slotId: string): NotedRequest => ({
  slotId,
  arrivedAt: performance.now(),
  clientAddress: '192.0.2.1',
  userAgent: undefined,
  queryTokens: {},
});

/** An inspector whose database is not there, and what it was told. */
function listen() {
  const told: EndedRequest[] = [];
  const note = (request: EndedRequest) => void told.push(request);
  return { told, inspector: { ...createStationInspector({ db: undefined as never }), note } };
}

/** Ends a note. @returns what the inspector was told. */
function ended(end: RequestEnd, fault?: unknown, slotId = 'slot-001'): EndedRequest | undefined {
  const { told, inspector } = listen();
  endNote(inspector, openNote(head(slotId)), end, fault);
  return told[0];
}

describe('the outcome of a request', () => {
  it.each<[string, RequestEnd, unknown, number | null, string | null]>([
    ['a picture', 'answered', undefined, 200, null],
    ['a photo that was left behind', 'accepted', undefined, 202, null],
    ['a known error', 'failed', new DomainError('queue_busy', 'Full.'), 429, 'queue_busy'],
    ['a fault of the program', 'failed', new TypeError('x is undefined'), 500, 'internal_error'],
    ['a station that left', 'failed', new UploadAbortedError(), null, 'client_gone'],
    ['a station that stopped sending', 'failed', new UploadStalledError(15_000), null, 'upload_stalled'],
  ])('%s', (_, end, fault, status, code) => {
    expect(ended(end, fault)).toMatchObject({ status, code });
  });

  it('tells nothing of the inside of a fault of the program', () => {
    expect(ended('failed', new TypeError('x is undefined'))?.message).not.toContain('undefined');
  });

  it('is told in at most 500 characters, whole ones only', () => {
    const message = ended('failed', new DomainError('provider_error', `${'a'.repeat(499)}😀\0`))?.message;
    expect(message).toBe(`${'a'.repeat(499)}\uFFFD`);
  });

  it('is told of slots that exist only', () => {
    expect(ended('answered', undefined, 'slot-999')).toBeUndefined();
  });
});

it('of fields that are named like a secret not even the length is noted', () => {
  const { facts } = openNote(head('slot-001'));
  for (const name of ['password', 'PassWort', 'api_key', 'auth-token', 'email']) noteField(facts, name, 'four');
  expect(facts.fields.map((field) => field.size_bytes)).toEqual([null, null, null, null, 4]);
});

describe('of requests that are held at once for one slot', () => {
  it('only the 50 newest keep what arrived, and only they are told of; one that ended makes room for none', () => {
    const { told, inspector } = listen();
    const notes = Array.from({ length: 60 }, (_, index) => {
      const note = openNote(head(index === 0 ? 'slot-002' : 'slot-001'));
      acceptNote(inspector, note, `job ${index}`);
      return note;
    });
    expect(notes.flatMap(({ arrived }, index) => (arrived === undefined ? [index] : []))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
    for (const note of notes) endNote(inspector, note, 'answered');
    expect(told.map(({ jobId }) => jobId)).toEqual(['job 0', ...Array.from({ length: 50 }, (_, n) => `job ${n + 10}`)]);
  });
});
