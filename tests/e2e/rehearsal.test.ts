/** The rehearsal script, from its command line to its exit code. */
import { afterEach, expect, test } from 'vitest';
import type { Run } from '../../scripts/rehearsal/render-report.ts';
import { reapPrograms, runProgram } from '../support/process.ts';

afterEach(() => reapPrograms());

const OPTIONS = ['--mild', '--photos', '15', '--minutes', '0.03', '--seed', '56', '--pictures-min', '100', '--json'];

/** Two first starts and two mornings: some 25 s on a machine of two cores that does nothing else. */
const LIMIT_MS = 180_000;

test(
  'a mild morning brings every picture with fallback chains; without them the bar is missed, and the exit code says so',
  async () => {
    const { code, stdout, stderr } = await runProgram('scripts/rehearsal.ts', OPTIONS);
    expect(stderr).toMatch(/with fallback: +\d+ s {2}15 of 15 sent, 15 pictures/);
    const [without, withFallback] = (JSON.parse(stdout) as { runs: [Run, Run] }).runs;
    const missed = ({ bars }: Run) => bars.filter(({ isMet }) => !isMet).map(({ name }) => name);
    expect({ without: missed(without), withFallback: missed(withFallback) }).toEqual({
      without: ['pictures in the window'],
      withFallback: [],
    });
    expect(code).toBe(1);
    for (const { figures } of [without, withFallback]) {
      expect(figures).toMatchObject({ photos: 15, strangeCalls: 0, doubleCharges: 0 });
      expect(figures.findings).toMatchObject({ jobs: 15, remoteAttempts: figures.calls, currency: 'EUR' });
      expect(figures.findings.cost).toBeGreaterThan(0);
    }
    expect(without.figures.pictures).toBeGreaterThan(0);
    expect(withFallback.figures.byFallback).toBeGreaterThan(0);
  },
  LIMIT_MS,
);

test('an option that makes no sense starts nothing', async () => {
  const { code, stdout, stderr } = await runProgram('scripts/rehearsal.ts', ['--photos', 'some']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain('Try --help.');
});
