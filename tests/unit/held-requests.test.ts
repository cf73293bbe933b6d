import { describe, expect, test, vi } from 'vitest';
import type { Picture } from '../../src/media/picture.ts';
import { createHeldRequests, type Wake } from '../../src/services/job/held-requests.ts';

const OPEN = new AbortController().signal;
const LOOK: Wake = { kind: 'look' };

function pictureWake(): { wake: Wake; release: ReturnType<typeof vi.fn> } {
  const release = vi.fn();
  const bytes: Picture['bytes'] = { kind: 'memory', parts: [], sizeBytes: 0, release };
  return {
    wake: { kind: 'picture', picture: { bytes, mimeType: 'image/jpeg', providerId: 'studio', linkNo: 0 } },
    release,
  };
}

describe('a held request', () => {
  test('wakes when its job does, with what it was told', async () => {
    const requests = createHeldRequests();
    const waiting = requests.hold('a').next(OPEN);
    const { wake, release } = pictureWake();
    expect(requests.wake('a', wake)).toBe(true);
    expect(await waiting).toBe(wake);
    expect(release).not.toHaveBeenCalled();
  });

  test('remembers what came while nobody waited, once', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    requests.wake('a', LOOK);
    requests.wake('a', LOOK);
    expect(await held.next(OPEN)).toEqual({ kind: 'look' });
    const control = new AbortController();
    const second = held.next(control.signal);
    control.abort();
    expect(await second).toBeUndefined();
  });

  test('waits again after it was told to look', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    requests.wake('a', LOOK);
    await held.next(OPEN);
    const { wake } = pictureWake();
    const waiting = held.next(OPEN);
    requests.wake('a', wake);
    expect(await waiting).toBe(wake);
  });

  test('hears only of its own job', async () => {
    const requests = createHeldRequests();
    const [one, other] = [requests.hold('a'), requests.hold('b')];
    requests.wake('b', LOOK);
    const control = new AbortController();
    const waiting = one.next(control.signal);
    control.abort();
    expect(await waiting).toBeUndefined();
    expect(await other.next(OPEN)).toEqual({ kind: 'look' });
  });

  test('prefers the picture to a word that it should look, whichever came first', async () => {
    for (const isPictureFirst of [true, false]) {
      const requests = createHeldRequests();
      const held = requests.hold('a');
      const { wake, release } = pictureWake();
      for (const one of isPictureFirst ? [wake, LOOK] : [LOOK, wake]) expect(requests.wake('a', one)).toBe(true);
      expect(await held.next(OPEN)).toBe(wake);
      expect(release).not.toHaveBeenCalled();
    }
  });
});

describe('an abort', () => {
  test('ends the wait without a word, and leaves no listener on the signal', async () => {
    const control = new AbortController();
    const removed = vi.spyOn(control.signal, 'removeEventListener');
    const waiting = createHeldRequests().hold('a').next(control.signal);
    control.abort();
    expect(await waiting).toBeUndefined();
    expect(removed).toHaveBeenCalledOnce();
  });

  test('that came before ends it as well, but not what was already there', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    expect(await held.next(AbortSignal.abort())).toBeUndefined();
    requests.wake('a', LOOK);
    expect(await held.next(AbortSignal.abort())).toEqual({ kind: 'look' });
  });

  test('does not lose a picture that comes right after: it is remembered', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    const control = new AbortController();
    const waiting = held.next(control.signal);
    const { wake } = pictureWake();
    control.abort();
    expect(requests.wake('a', wake)).toBe(true);
    expect(await waiting).toBeUndefined();
    expect(await held.next(OPEN)).toBe(wake);
  });

  test('does not take back a picture that came right before', async () => {
    const requests = createHeldRequests();
    const control = new AbortController();
    const waiting = requests.hold('a').next(control.signal);
    const { wake } = pictureWake();
    requests.wake('a', wake);
    control.abort();
    expect(await waiting).toBe(wake);
  });

  test('leaves no listener on the signal of a wait that ended otherwise', async () => {
    const control = new AbortController();
    const removed = vi.spyOn(control.signal, 'removeEventListener');
    const requests = createHeldRequests();
    const waiting = requests.hold('a').next(control.signal);
    requests.wake('a', LOOK);
    await waiting;
    expect(removed).toHaveBeenCalledOnce();
  });
});

describe('a dropped request', () => {
  test('gives back a picture that nobody took, once', () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    const { wake, release } = pictureWake();
    requests.wake('a', wake);
    held.drop();
    held.drop();
    expect(release).toHaveBeenCalledOnce();
  });

  test('does not give back a picture that was taken', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    const { wake, release } = pictureWake();
    requests.wake('a', wake);
    await held.next(OPEN);
    held.drop();
    expect(release).not.toHaveBeenCalled();
  });

  test('takes nothing any more: whoever has the picture keeps it', () => {
    const requests = createHeldRequests();
    requests.hold('a').drop();
    const { wake, release } = pictureWake();
    expect(requests.wake('a', wake)).toBe(false);
    expect(release).not.toHaveBeenCalled();
  });

  test('is no longer counted', () => {
    const requests = createHeldRequests();
    const [one, other] = [requests.hold('a'), requests.hold('b')];
    expect(requests.jobIds()).toEqual(['a', 'b']);
    expect(requests.count()).toBe(2);
    one.drop();
    expect(requests.jobIds()).toEqual(['b']);
    other.drop();
    expect(requests.count()).toBe(0);
  });
});

describe('a second picture for the same request', () => {
  test('is not taken: whoever has it keeps it, and the first one is delivered', async () => {
    const requests = createHeldRequests();
    const held = requests.hold('a');
    const [first, second] = [pictureWake(), pictureWake()];
    expect(requests.wake('a', first.wake)).toBe(true);
    expect(requests.wake('a', second.wake)).toBe(false);
    expect(await held.next(OPEN)).toBe(first.wake);
    expect(second.release).not.toHaveBeenCalled();
  });
});

describe('requests that wait for one job', () => {
  /** One that the job was accepted for, and others that joined it. */
  function together(joiners: number) {
    const requests = createHeldRequests();
    const owner = requests.hold('a');
    const joined = Array.from({ length: joiners }, (_, index) => {
      const held = requests.hold(`own ${index}`);
      held.join('a');
      return held;
    });
    return { requests, owner, joined, all: [owner, ...joined] };
  }

  test('are counted one by one, under one id', () => {
    const { requests, all } = together(2);
    expect(requests.jobIds()).toEqual(['a']);
    expect(requests.count()).toBe(3);
    for (const held of all) held.drop();
    expect(requests.jobIds()).toEqual([]);
    expect(requests.count()).toBe(0);
  });

  test('are told to look when they join: what happened before was told to others', async () => {
    const { joined } = together(1);
    expect(await joined[0]?.next(AbortSignal.abort())).toEqual(LOOK);
    expect(await joined[0]?.next(AbortSignal.abort())).toBeUndefined();
  });

  test('all wake, and none hears of the id that it held before', async () => {
    const { requests, joined, all } = together(2);
    for (const held of joined) await held.next(OPEN);
    expect(requests.wake('own 0', LOOK)).toBe(false);
    const waiting = all.map((held) => held.next(OPEN));
    expect(requests.wake('a', LOOK)).toBe(true);
    expect(await Promise.all(waiting)).toEqual([LOOK, LOOK, LOOK]);
  });

  test('all get the same bytes, which are given back once, by the last of them', async () => {
    const { requests, joined, all } = together(2);
    for (const held of joined) await held.next(OPEN);
    const { wake, release } = pictureWake();
    expect(requests.wake('a', wake)).toBe(true);
    const [first, second] = await Promise.all(all.slice(0, 2).map((held) => held.next(OPEN)));
    for (const one of [first, second]) {
      const { bytes } = (one as Wake & { kind: 'picture' }).picture;
      expect(bytes).toMatchObject({ kind: 'memory', parts: [], sizeBytes: 0 });
      if (bytes.kind === 'memory') bytes.release?.();
    }
    expect(release).not.toHaveBeenCalled();
    all[2]?.drop();
    expect(release).toHaveBeenCalledOnce();
  });

  test('one of them gets an open file, the others open it for themselves', async () => {
    const { requests, joined, all } = together(1);
    await joined[0]?.next(OPEN);
    const close = vi.fn().mockResolvedValue(undefined);
    const bytes = { kind: 'file', handle: { close } as never, offset: 0, sizeBytes: 1 } as const;
    const picture: Picture = { bytes, mimeType: 'image/jpeg', providerId: 'studio', linkNo: 0 };
    expect(requests.wake('a', { kind: 'picture', picture })).toBe(true);
    expect(await all[0]?.next(OPEN)).toEqual({ kind: 'picture', picture });
    expect(await all[1]?.next(OPEN)).toEqual(LOOK);
    expect(close).not.toHaveBeenCalled();
  });

  test('take no second picture: whoever has it keeps it', () => {
    const { requests } = together(1);
    expect(requests.wake('a', pictureWake().wake)).toBe(true);
    const { wake, release } = pictureWake();
    expect(requests.wake('a', wake)).toBe(false);
    expect(release).not.toHaveBeenCalled();
  });

  test('nothing is held once the last of them is dropped, however often', async () => {
    const { requests, all } = together(2);
    const empty = requests.whenEmpty();
    for (const held of all) {
      held.drop();
      held.drop();
    }
    await empty;
    expect(requests.count()).toBe(0);
  });
});

test('nobody holds a job that was never held', () => {
  expect(createHeldRequests().wake('a', LOOK)).toBe(false);
});
