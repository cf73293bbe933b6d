import { table } from '../admin/command.ts';
import type { Figures } from './figures.ts';
import type { Bar } from './judge.ts';

/** One run, as the report shows it. */
export interface Run {
  readonly name: string;
  readonly tookSeconds: number;
  /** What others took of the processors meanwhile, 0 to 1; undefined where that cannot be told. */
  readonly othersShare: number | undefined;
  readonly figures: Figures;
  readonly bars: readonly Bar[];
}

/** Above this share of the machine the figures say more about others than about the server. */
const OTHERS_SHARE_MAX = 0.2;

const STORIES_MAX = 10;

const seconds = (ms: number): string => (Number.isFinite(ms) ? `${(ms / 1000).toFixed(1)} s` : '–');
const counts = (by: Readonly<Record<string, number>>): string =>
  Object.entries(by)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || '–';

const ROWS: readonly (readonly [name: string, show: (figures: Figures) => string])[] = [
  ['photos', ({ photos }) => String(photos)],
  [
    'pictures in the window',
    ({ photos, picturesInWindow }) => `${picturesInWindow} (${((100 * picturesInWindow) / photos).toFixed(2)} %)`,
  ],
  ['504: no picture in time', ({ statuses }) => String(statuses['504'] ?? 0)],
  ['502: the provider failed', ({ statuses }) => String(statuses['502'] ?? 0)],
  [
    'other answers',
    ({ statuses }) =>
      counts(Object.fromEntries(Object.entries(statuses).filter(([name]) => !/^(?:200|502|504)$/.test(name)))),
  ],
  ['made by', ({ makers }) => counts(makers)],
  ['made by a fallback link', ({ byFallback }) => String(byFallback)],
  ['wait for a picture, p50', ({ p50Ms }) => seconds(p50Ms)],
  ['wait for a picture, p95', ({ p95Ms }) => seconds(p95Ms)],
  ['wait for a picture, p99', ({ p99Ms }) => seconds(p99Ms)],
  ['attempts (ledger)', ({ findings }) => `${findings.attempts}, ${findings.remoteAttempts} of them over the network`],
  ['calls (the services’ books)', ({ calls }) => String(calls)],
  ['what the calls met', ({ faults }) => counts(faults)],
  [
    'cost (ledger)',
    ({ findings }) =>
      `${findings.cost.toFixed(2)} ${findings.currency}, and perhaps ${findings.costPerhaps.toFixed(2)} more`,
  ],
  ['double charges', ({ doubleCharges }) => String(doubleCharges)],
  ['late answers accepted', ({ findings }) => String(findings.lateAccepted)],
  ['files left', ({ findings }) => String(findings.filesLeft.length)],
];

/** The table of all runs, the words of answers without a picture, and which bars were missed. */
export function renderReport(runs: readonly Run[]): string {
  const head = ['', ...runs.map(({ name }) => name)];
  const rows = ROWS.map(([name, show]) => [name, ...runs.map(({ figures }) => show(figures))]);
  const complaints = runs.flatMap(({ name, figures }) =>
    Object.entries(figures.complaints)
      .slice(0, 8)
      .map(([words, count]) => `  ${name}: ${count} × ${words}`),
  );
  const stories = runs.flatMap(({ name, figures }) =>
    figures.doubleChargeStories.map((story) => `  ${name}, paid twice: ${story}`),
  );
  const missed = runs.flatMap(({ name, bars }) =>
    bars.filter(({ isMet }) => !isMet).map((bar) => `  MISSED ${name}: ${bar.name} ${bar.found}, wanted ${bar.wanted}`),
  );
  return [
    table([head, ...rows]),
    ...(complaints.length > 0 ? ['', 'Answers without a picture:', ...complaints] : []),
    ...stories.slice(0, STORIES_MAX),
    '',
    ...runs.flatMap(({ name, othersShare = 0 }) =>
      othersShare > OTHERS_SHARE_MAX
        ? [`  ! ${name}: taken under load, others used ${Math.round(othersShare * 100)} % of the machine meanwhile.`]
        : [],
    ),
    ...(missed.length > 0 ? missed : ['All bars are met.']),
  ].join('\n');
}
