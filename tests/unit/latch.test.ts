import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLatch } from '../../src/worker/latch.ts';

describe('a latch', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    expect(vi.getTimerCount(), 'timers left behind').toBe(0);
    vi.useRealTimers();
  });

  test('a poke ends a wait at once', async () => {
    const latch = createLatch();
    const waiting = latch.wait(1_000);
    latch.poke();
    await expect(waiting).resolves.toBe(true);
  });

  test('a wait nobody ends is over after its limit', async () => {
    const waiting = createLatch().wait(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(waiting).resolves.toBe(false);
  });

  test('a poke that comes while nobody waits ends the next wait', async () => {
    const latch = createLatch();
    latch.poke();
    await expect(latch.wait(1_000)).resolves.toBe(true);
  });

  test('pokes nobody heard count as one', async () => {
    const latch = createLatch();
    latch.poke();
    latch.poke();
    await latch.wait(1_000);
    const second = latch.wait(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(second).resolves.toBe(false);
  });

  test('a poke between the end of a wait and the next wait is not lost', async () => {
    const latch = createLatch();
    const first = latch.wait(1_000);
    latch.poke();
    latch.poke();
    await first;
    await expect(latch.wait(1_000)).resolves.toBe(true);
  });

  test('a poke that ended a wait is used up', async () => {
    const latch = createLatch();
    const first = latch.wait(1_000);
    latch.poke();
    await first;
    const second = latch.wait(1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(second).resolves.toBe(false);
  });

  test('a poke ends every wait under way', async () => {
    const latch = createLatch();
    const all = Promise.all([latch.wait(1_000), latch.wait(2_000)]);
    latch.poke();
    await expect(all).resolves.toEqual([true, true]);
  });

  test('aborting ends the wait and leaves no listener on the signal', async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const waiting = createLatch().wait(1_000, controller.signal);
    controller.abort();
    await expect(waiting).resolves.toBe(false);
    expect(removed).toHaveBeenCalledOnce();
  });

  test('an aborted wait takes no poke', async () => {
    const latch = createLatch();
    latch.poke();
    await expect(latch.wait(1_000, AbortSignal.abort())).resolves.toBe(false);
    await expect(latch.wait(1_000)).resolves.toBe(true);
  });
});
