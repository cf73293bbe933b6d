import { readFileSync } from 'node:fs';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { createMetrics } from '../../src/observability/metrics.ts';
import { readMetrics, type Sample } from '../support/metrics.ts';

interface Documented {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const DOCUMENT = readFileSync(new URL('../../spec/docs/metrics.md', import.meta.url), 'utf8');
const ROW = /^\| `(?<name>\w+)` \| (?<type>\w+) \| (?<labels>[^|]+) \|/gm;

const documented: Documented[] = [...DOCUMENT.matchAll(ROW)].map(({ groups }) => ({
  name: groups?.['name'] ?? '',
  type: groups?.['type'] ?? '',
  labels: [...(groups?.['labels'] ?? '').matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
}));

/** Metrics of a process that everything has happened to, without a database. */
function usedMetrics() {
  const kysely = undefined as never;
  const metrics = createMetrics({
    db: { pool: new Pool({ host: '127.0.0.1', port: 1 }), kysely },
    providerIds: ['studio'],
    heldCount: () => 2,
    freeBytes: () => Promise.resolve(5_000),
    isServed: true,
  });
  metrics.requestAnswered('getHealth', 200, 0.002);
  metrics.requestAnswered('ingestSlot', 0, 61);
  metrics.jobClaimed('studio', 40);
  metrics.callEnded('studio', 'image', 59_000);
  metrics.jobEnded('studio', 'succeeded');
  metrics.lateAnswerRefused();
  metrics.jobReclaimed();
  metrics.jobsRerouted(4);
  metrics.cleanedUp({ expiredResults: 3, orphanFiles: 2, mediaObjects: 1 });
  return metrics;
}

const scrape = async () => readMetrics(await usedMetrics().render());

it('every metric that exists is documented with its type, and every documented one exists', async () => {
  const { types } = await scrape();
  expect(documented.map(({ name, type }) => `${name} ${type}`).sort()).toEqual(
    [...types].map(([name, type]) => `${name} ${type}`).sort(),
  );
});

it('no series has a label that is not documented, and none lacks one that is', async () => {
  const { samples } = await scrape();
  const seriesOf = ({ name, type }: Documented): Sample[] => {
    const names = type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    return samples.filter((sample) => names.includes(sample.name));
  };
  for (const metric of documented) {
    for (const { labels } of seriesOf(metric))
      expect(
        Object.keys(labels)
          .filter((label) => label !== 'le')
          .sort(),
        metric.name,
      ).toEqual([...metric.labels].sort());
  }
});

it('every metric of this server says in the document where it counts', () => {
  const rows = DOCUMENT.split('\n').filter((line) => line.startsWith('| `photochanger_'));
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter((row) => !/\| (?:process|installation) \|/.test(row))).toEqual([]);
});

it('names keep to the conventions of Prometheus: base units, and `_total` for counters alone', async () => {
  const { types } = await scrape();
  const ours = [...types].filter(([name]) => name.startsWith('photochanger_'));
  for (const [name, type] of ours) expect(name.endsWith('_total'), name).toBe(type === 'counter');
  expect(ours.filter(([name]) => /_(?:ms|milliseconds|minutes|kb|mb|percent)(?:_|$)/.test(name))).toEqual([]);
});

it('buckets of what may last as long as a held request reach 60 s and beyond', async () => {
  const { samples } = await scrape();
  const histograms = documented.filter(({ name, type }) => type === 'histogram' && name.startsWith('photochanger_'));
  expect(histograms).toHaveLength(3);
  for (const { name } of histograms) {
    const bounds = samples
      .filter((sample) => sample.name === `${name}_bucket`)
      .map(({ labels }) => Number(labels['le']));
    expect(bounds, name).toContain(60);
    expect(Math.max(...bounds.filter(Number.isFinite)), name).toBeGreaterThan(60);
  }
});

it('a histogram counts a value in its bucket and in every larger one, and adds it to the sum', async () => {
  const { value } = await scrape();
  const of = (le: string) =>
    value('photochanger_provider_call_seconds_bucket', { provider: 'studio', outcome: 'image', le });
  expect([of('50'), of('60'), of('75'), of('+Inf')]).toEqual([0, 1, 1, 1]);
  expect(value('photochanger_provider_call_seconds_sum')).toBe(59);
  expect(value('photochanger_provider_call_seconds_count')).toBe(1);
});

it('counters tell what happened; what has not happened yet to a known provider is 0', async () => {
  const { value } = await scrape();
  expect(value('photochanger_http_requests_total', { operation: 'getHealth', status: '200' })).toBe(1);
  expect(value('photochanger_http_requests_total', { operation: 'ingestSlot', status: 'unsent' })).toBe(1);
  expect(value('photochanger_job_outcomes_total', { provider: 'studio', outcome: 'succeeded' })).toBe(1);
  expect(value('photochanger_job_outcomes_total', { provider: 'studio', outcome: 'timeout' })).toBe(0);
  expect(value('photochanger_provider_attempts_total', { provider: 'studio', outcome: 'throttled' })).toBe(0);
  expect(value('photochanger_late_answers_refused_total')).toBe(1);
  expect(value('photochanger_jobs_reclaimed_total')).toBe(1);
  expect(value('photochanger_jobs_rerouted_total')).toBe(4);
  expect(value('photochanger_results_expired_total')).toBe(3);
  expect(value('photochanger_orphan_files_removed_total')).toBe(2);
  expect(value('photochanger_media_objects_expired_total')).toBe(1);
});

it('without a database the process still tells what it knows, and leaves out the rest', async () => {
  const { value, samples } = await scrape();
  expect(value('photochanger_database_up')).toBe(0);
  expect(value('photochanger_held_requests')).toBe(2);
  expect(value('photochanger_media_free_bytes')).toBe(5_000);
  expect(
    samples.filter(({ name }) => /^photochanger_(?:queue|media_used|provider_(?:day|availability)|slot)/.test(name)),
  ).toEqual([]);
});

it('a disk that never answers holds up nothing', async () => {
  const metrics = createMetrics({
    db: { pool: new Pool({ host: '127.0.0.1', port: 1 }), kysely: undefined as never },
    providerIds: [],
    heldCount: () => 0,
    freeBytes: () => new Promise(() => undefined),
    isServed: false,
  });
  const { value, types } = readMetrics(await metrics.render());
  expect(value('photochanger_media_free_bytes')).toBeUndefined();
  expect([...types.keys()].filter((name) => !name.startsWith('photochanger_'))).toEqual([]);
});

it('two scrapes at once ask the disk once', async () => {
  let asked = 0;
  const metrics = createMetrics({
    db: { pool: new Pool({ host: '127.0.0.1', port: 1 }), kysely: undefined as never },
    providerIds: [],
    heldCount: () => 0,
    freeBytes: async () => ++asked,
    isServed: false,
  });
  await Promise.all([metrics.render(), metrics.render()]);
  await metrics.render();
  expect(asked).toBe(1);
});
