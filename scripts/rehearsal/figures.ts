import { percentile } from '../bench/statistics.ts';
import { type BookedCall, findDoubleCharges } from './call-book.ts';
import type { Findings } from './look-afterwards.ts';
import { MORNING_SLOTS } from './morning.ts';
import type { ShotAnswer } from './send-shots.ts';

/** What a morning came to. */
export interface Figures {
  readonly photos: number;
  /** Answers with a picture, and those of them that came before the window closed. */
  readonly pictures: number;
  readonly picturesInWindow: number;
  /** How many answers had each status; 0: none came. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Pictures by who made them, and how many of them a fallback link made. */
  readonly makers: Readonly<Record<string, number>>;
  readonly byFallback: number;
  /** How long stations waited for pictures, in milliseconds. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Calls by the services' own books, and what they met. */
  readonly calls: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly doubleCharges: number;
  /** Every call of the photos that were paid for twice, in words. */
  readonly doubleChargeStories: readonly string[];
  /** Calls with a picture that is none of the morning's: nothing can be said about them. */
  readonly strangeCalls: number;
  readonly findings: Findings;
  /** Some words of answers without a picture, with their count. */
  readonly complaints: Readonly<Record<string, number>>;
}

/** Puts together what stations, services, the database and the disk say. */
export function computeFigures(
  answers: readonly ShotAnswer[],
  calls: readonly BookedCall[],
  findings: Findings,
  windowMs: number,
): Figures {
  const pictures = answers.filter(({ isPicture }) => isPicture);
  const waits = pictures.map(({ tookMs }) => tookMs);
  const slotOf = new Map(answers.map(({ shot }) => [shot.no, shot.slotId]));
  const never: ReadonlySet<string | undefined> = new Set(
    MORNING_SLOTS.filter((slot) => slot.repeatPaidCalls === 'never').map(({ slotId }) => slotId),
  );
  const doubles = findDoubleCharges(calls, (photoNo) => never.has(slotOf.get(photoNo)));
  return {
    photos: answers.length,
    pictures: pictures.length,
    picturesInWindow: waits.filter((tookMs) => tookMs <= windowMs).length,
    statuses: countBy(answers, ({ status }) => String(status)),
    makers: countBy(pictures, ({ providerId }) => providerId ?? 'unknown'),
    byFallback: pictures.filter(({ linkNo }) => linkNo > 0).length,
    p50Ms: percentile(waits, 0.5),
    p95Ms: percentile(waits, 0.95),
    p99Ms: percentile(waits, 0.99),
    calls: calls.length,
    faults: countBy(calls, ({ fault }) => fault),
    doubleCharges: doubles.length,
    doubleChargeStories: doubles.map((double) => storyOf(double, calls, slotOf.get(double.photoNo ?? 0))),
    strangeCalls: calls.filter(({ photoNo, hasPhoto }) => photoNo === undefined && hasPhoto).length,
    findings,
    complaints: countBy(
      answers.filter(({ isPicture }) => !isPicture),
      ({ message }) => codeIn(message ?? ''),
    ),
  };
}

/** What the service saw of a photo, in seconds from its first call. */
function storyOf({ photoNo, providerId }: BookedCall, calls: readonly BookedCall[], slotId = 'no slot'): string {
  const seen = calls.filter((call) => call.photoNo === photoNo && call.providerId === providerId);
  const zero = Math.min(...seen.map(({ beganAt }) => beganAt));
  const at = (ms: number): string => `${((ms - zero) / 1000).toFixed(1)} s`;
  const words = seen.map(
    ({ kind, beganAt, servedAt }) =>
      `${kind} asked at ${at(beganAt)}${servedAt === undefined ? '' : `, handed over at ${at(servedAt)}`}`,
  );
  return `photo ${photoNo} of ${slotId} at ${providerId}: ${words.join('; ')}`;
}

/** The error's code and the first words of its message, without what differs from photo to photo. */
function codeIn(message: string): string {
  try {
    const { error } = JSON.parse(message) as { error?: { code?: string; message?: string } };
    return `${error?.code ?? 'no code'}: ${(error?.message ?? '').slice(0, 120)}`;
  } catch {
    return message.slice(0, 120);
  }
}

function countBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort(([, one], [, other]) => other - one));
}
