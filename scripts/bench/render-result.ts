import { table } from '../admin/command.ts';
import type { Bar, BenchResult, BenchRow } from './benchmark.ts';
import { median, round } from './statistics.ts';

/** Whether the row's median keeps to its bar; undefined where it has none. */
export function isMet({ bar, rounds }: BenchRow): boolean | undefined {
  if (bar === undefined) return undefined;
  const value = median(rounds);
  return 'atMost' in bar ? value <= bar.atMost : value >= bar.atLeast;
}

/** The text that people read. */
export function renderResult({ title, rows, breakdowns = [], notes }: BenchResult): string {
  const head = ['', 'median', 'rounds', 'bar', '', 'compared with'];
  const parts = [`== ${title}`, table([head, ...rows.map(renderRow)])];
  for (const breakdown of breakdowns) {
    parts.push(`-- ${breakdown.title}\n${table([breakdown.head, ...breakdown.rows])}`);
  }
  if (notes.length > 0) parts.push(notes.map((note) => `   ${note}`).join('\n'));
  return parts.join('\n\n');
}

function renderRow(row: BenchRow): string[] {
  const value = median(row.rounds);
  const compared = (row.comparedWith ?? []).map(
    (other) => `${other.name} ${round(other.value)}: ${(value / other.value).toFixed(2)}×`,
  );
  return [
    row.name,
    `${round(value)} ${row.unit}`,
    row.rounds.map((figure) => round(figure)).join(' '),
    renderBar(row.bar),
    verdictOf(row),
    compared.join(', '),
  ];
}

function verdictOf(row: BenchRow): string {
  const met = isMet(row);
  if (met === undefined) return '';
  return met ? 'met' : 'MISSED';
}

const renderBar = (bar: Bar | undefined): string => {
  if (bar === undefined) return '';
  return 'atMost' in bar ? `≤ ${bar.atMost}` : `≥ ${bar.atLeast}`;
};
