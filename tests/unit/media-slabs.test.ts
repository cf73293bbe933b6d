import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSlabPool, type Slab } from '../../src/media/slabs.ts';

const MEGABYTE = 2 ** 20;

describe('a slab', () => {
  it('is at least as long as asked, and used again once it was released', () => {
    const pool = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * MEGABYTE });
    const first = pool.takeSlab(3 * MEGABYTE);
    const { buffer } = first;
    expect(buffer.length).toBeGreaterThanOrEqual(3 * MEGABYTE);
    first.release();
    expect(pool.takeSlab(4 * MEGABYTE).buffer).toBe(buffer);
    expect(pool.takeSlab(1).buffer).not.toBe(buffer);
  });

  it('cannot be used after its release: its bytes may belong to another photo', () => {
    const slab = createSlabPool({ idleSlabsMax: 1, idleBytesMax: MEGABYTE }).takeSlab(10);
    slab.release();
    expect(() => slab.buffer).toThrow('released');
  });

  it('is given back once, however often it is released', () => {
    const pool = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * MEGABYTE });
    const slab = pool.takeSlab(1);
    slab.release();
    slab.release();
    expect(pool.idleBytes).toBe(MEGABYTE);
    expect(pool.takeSlab(1).buffer).not.toBe(pool.takeSlab(1).buffer);
  });

  it('is not handed to a second user when its first one releases it late and again', () => {
    const pool = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * MEGABYTE });
    const first = pool.takeSlab(1);
    first.release();
    const second = pool.takeSlab(1);
    first.release();
    expect(pool.takeSlab(1).buffer).not.toBe(second.buffer);
  });

  it('cannot have a nonsensical size', () => {
    const pool = createSlabPool({ idleSlabsMax: 1, idleBytesMax: MEGABYTE });
    for (const sizeMin of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => pool.takeSlab(sizeMin)).toThrow(RangeError);
    }
  });
});

describe('a pool', () => {
  it('lends the smallest slab that is large enough', () => {
    const pool = createSlabPool({ idleSlabsMax: 4, idleBytesMax: 64 * MEGABYTE });
    const slabs = [8, 2, 4].map((megabytes) => pool.takeSlab(megabytes * MEGABYTE));
    for (const slab of slabs) slab.release();
    expect(pool.takeSlab(2 * MEGABYTE + 1).buffer.length).toBe(4 * MEGABYTE);
    expect(pool.takeSlab(2 * MEGABYTE).buffer.length).toBe(2 * MEGABYTE);
    expect(pool.takeSlab(2 * MEGABYTE).buffer.length).toBe(8 * MEGABYTE);
  });

  it('lets go of what was unused longest, so that it follows the sizes in use', () => {
    const pool = createSlabPool({ idleSlabsMax: 2, idleBytesMax: 64 * MEGABYTE });
    const slabs = [1, 2, 4].map((megabytes) => pool.takeSlab(megabytes * MEGABYTE));
    for (const slab of slabs) slab.release();
    expect(pool.idleBytes).toBe(6 * MEGABYTE);
  });

  it('keeps nothing that is larger than all it may keep', () => {
    const pool = createSlabPool({ idleSlabsMax: 2, idleBytesMax: 2 * MEGABYTE });
    const [small, large] = [pool.takeSlab(1), pool.takeSlab(4 * MEGABYTE)];
    small.release();
    large.release();
    expect(pool.idleBytes).toBe(MEGABYTE);
  });

  it('never lends a buffer twice at once and never keeps more than its bounds, in any order of events', () => {
    const step = fc.record({ takes: fc.boolean(), megabytes: fc.integer({ min: 1, max: 4 }), which: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const pool = createSlabPool({ idleSlabsMax: 3, idleBytesMax: 6 * MEGABYTE });
        const lent: Slab[] = [];
        for (const { takes, megabytes, which } of steps) {
          if (takes) lent.push(pool.takeSlab(megabytes * MEGABYTE));
          else lent.splice(which % Math.max(1, lent.length), 1)[0]?.release();
          expect(new Set(lent.map((slab) => slab.buffer)).size).toBe(lent.length);
          expect(pool.idleBytes).toBeLessThanOrEqual(6 * MEGABYTE);
        }
      }),
      { numRuns: 50 },
    );
  });
});
