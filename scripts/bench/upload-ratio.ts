import type { BenchContext, Benchmark, BenchResult } from './benchmark.ts';
import { benchUpload } from './upload.ts';

/** The receiver of uploads beside a bare stream to disk. */
export const uploadRatio: Benchmark = {
  name: 'upload',
  about: 'receiving 3 MB as a form, against a bare stream to disk',
  run,
};

async function run(context: BenchContext): Promise<BenchResult> {
  const secondsPerRound = context.isQuick ? 1 : 3;
  context.say(`${context.rounds} rounds of ${secondsPerRound} s each for the bare stream and the form`);
  const { rows, ratio } = await benchUpload({ rounds: context.rounds, secondsPerRound });
  const bare = rows.find(({ name }) => name === 'bare');
  const bareOf = (value: number | undefined) => [{ name: 'bare stream', value: value ?? Number.NaN }];
  return {
    title: 'upload of 3 MB over 8 connections',
    rows: [
      { name: 'form over bare stream', unit: '×', rounds: [ratio], bar: { atLeast: 0.9 } },
      ...rows.flatMap((row) => {
        const isForm = row.name === 'form';
        return [
          {
            name: `${row.name}: uploads`,
            unit: '/s',
            rounds: [row.uploadsPerSecond],
            ...(isForm && { comparedWith: bareOf(bare?.uploadsPerSecond) }),
          },
          {
            name: `${row.name}: CPU an upload`,
            unit: 'ms',
            rounds: [row.cpuMsPerUpload],
            ...(isForm && { comparedWith: bareOf(bare?.cpuMsPerUpload) }),
          },
          { name: `${row.name}: p99`, unit: 'ms', rounds: [row.p99Ms] },
        ];
      }),
    ],
    notes: ['The two take turns round by round; each figure is the median over the rounds.'],
    raw: { rows, ratio },
  };
}
