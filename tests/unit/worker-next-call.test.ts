import { describe, expect, it } from 'vitest';
import type { Provider } from '../../src/providers/provider.ts';
import type { JobRun } from '../../src/worker/job-run.ts';
import { type CallThatFailed, nextCall } from '../../src/worker/next-call.ts';
import type { RunningJob } from '../../src/worker/running-job.ts';
import type { WorkerDeps } from '../../src/worker/worker-deps.ts';

const provider = { description: { id: 'far', needsKey: true, slowCallMs: 5_000 } } as Provider;

/** What comes after the only call of a job that its slot does not repeat, with so much of the window left. */
function afterHang(leftMs: number) {
  const snapshot = { settings: {}, photo: {}, repeatPaidCalls: 'never' };
  const running = { job: { providerId: 'far', snapshot }, endsAt: performance.now() + leftMs } as unknown as RunningJob;
  const run = { linkNo: 0, attemptNo: 1, callsOnLink: 1, charges: new Map([['far', 'maybe']]) } as unknown as JobRun;
  const failure = { kind: 'unavailable', retryable: true, charged: 'maybe', reason: 'no answer' } as const;
  const failed: CallThatFailed = { failure, tookMs: 10_000, isTimeout: true, provider };
  return nextCall({ providers: new Map([['far', provider]]) } as unknown as WorkerDeps, running, run, failed);
}

describe('a call that hung and is not repeated', () => {
  it('ends the job at once where most of the window is left', async () => {
    expect(await afterHang(30_000)).toEqual({ kind: 'end', why: 'no answer (the call may have been charged)' });
  });

  it('leaves the end to the window where that closes', async () => {
    expect(await afterHang(900)).toMatchObject({ kind: 'end', isOutOfTime: true });
  });
});
