import { describe, expect, it, test } from 'vitest';
import { budgetFault } from '../../src/domain/slot-policy.ts';
import { slotNamesTemplate, slotNeedsTransparency, slotWithTemplate } from '../../src/domain/slot-templates.ts';

describe('the budget of a day', () => {
  test.each([null, 0.0001, 0.1, 25.5, 1_000.1234, 99_999_999])('may be %j', (budget) =>
    expect(budgetFault(budget)).toBeUndefined(),
  );

  test.each([0, -0, -1, 0.000_05, 0.123_45, 99_999_999.1, 100_000_000, 1e300, Number.NaN, Number.POSITIVE_INFINITY])(
    'cannot be %j',
    (budget) => expect(budgetFault(budget)).toContain('must be above 0'),
  );
});

describe('templates of a whole slot', () => {
  const A = 'a7c9a52d-7a9e-4c6e-9f0f-0f3f7d1f2b11';
  const B = 'b7c9a52d-7a9e-4c6e-9f0f-0f3f7d1f2b11';
  const link = (settings: Readonly<Record<string, unknown>>) => ({
    providerId: 'studio',
    operationId: 'frame',
    settings,
  });
  const slot = { settings: { prompt: 'x' }, fallback: [link({ overlay_media_id: A }), link({ overlay_media_id: B })] };

  it('are named by its settings, or by those of any link', () => {
    expect(slotNamesTemplate(slot, 'overlay_media_id', B)).toBe(true);
    expect(slotNamesTemplate({ settings: { overlay_media_id: A }, fallback: [] }, 'overlay_media_id', A)).toBe(true);
    expect(slotNamesTemplate(slot, 'watermark_media_id', B)).toBe(false);
    expect(slotNamesTemplate({ settings: {}, fallback: [] }, 'overlay_media_id', B)).toBe(false);
  });

  it('need transparency where the slot, or a link, lays them over the photo, and a finish frame always', () => {
    const swap = { providerId: 'gemini', operationId: 'identity_transfer', settings: { overlay_media_id: A } };
    const needs = (settings: Readonly<Record<string, unknown>>, own = link(settings)) =>
      [
        slotNeedsTransparency({ ...own, fallback: [] }, 'overlay_media_id'),
        slotNeedsTransparency({ ...swap, fallback: [link({}), own] }, 'overlay_media_id'),
      ].join();
    expect(needs({ overlay_media_id: A })).toBe('true,true');
    expect(needs({ style: 'polaroid' })).toBe('false,false');
    expect(needs({}, swap)).toBe('false,false');
    expect(slotNeedsTransparency({ ...swap, fallback: [] }, 'finish_frame_media_id')).toBe(true);
  });

  it('are replaced wherever they are named, and nothing else is', () => {
    const both = { ...slot, settings: { overlay_media_id: B, prompt: 'x' } };
    expect(slotWithTemplate(both, 'overlay_media_id', B, A)).toEqual({
      settings: { overlay_media_id: A, prompt: 'x' },
      fallback: [link({ overlay_media_id: A }), link({ overlay_media_id: A })],
    });
    expect(slotWithTemplate(both, 'overlay_media_id', B)).toEqual({
      settings: { prompt: 'x' },
      fallback: [link({ overlay_media_id: A }), link({})],
    });
  });
});
