import { describe, expect, it } from 'vitest';
import { checkProviderSettings } from '../../src/contract/provider-settings.ts';
import { TURBOTEXT_DESCRIPTION } from '../../src/providers/turbotext/description.ts';

const ID = '4f1c9a52-7a9e-4c6e-9f0f-0f3f7d1f2b11';
const OTHER_ID = '9a1c3f52-1a9e-4c6e-8f0f-0f3f7d1f2b22';

const isTaken = (operation: string, settings: object): boolean =>
  checkProviderSettings('turbotext', operation, settings)?.length === 0;

describe('the settings of Turbotext', () => {
  it('have a schema for every operation', () => {
    for (const { id } of TURBOTEXT_DESCRIPTION.operations)
      expect(checkProviderSettings('turbotext', id, {})).toBeDefined();
  });

  it.each([
    [{ strength: 0 }, true],
    [{ strength: 80 }, true],
    [{ strength: 81 }, false],
    [{ strength: -1 }, false],
    [{ seed: 1 }, true],
    [{ seed: 10 ** 10 }, true],
    [{ seed: 10 ** 10 + 1 }, false],
    [{ seed: 0 }, false],
    [{ scale: 0.1 }, true],
    [{ scale: 20 }, true],
    [{ scale: 20.1 }, false],
    [{ negative_prompt: Array(80).fill('нет').join(' ') }, true],
    [{ negative_prompt: Array(81).fill('нет').join(' ') }, false],
    [{ original_language: 'en' }, true],
    [{ original_language: 'english' }, false],
    [{ prompt: ' ' }, false],
    [{ prompt: 'x'.repeat(2001) }, false],
  ])('of an edit keep to the bounds of the service: %o', (settings, expected) => {
    expect(isTaken('image_edit', { prompt: 'Комикс', ...settings })).toBe(expected);
  });

  it('of a style need a style picture, which is not the photo', () => {
    expect(isTaken('style_transfer', { style_media_id: ID })).toBe(true);
    expect(isTaken('style_transfer', {})).toBe(false);
    expect(isTaken('style_transfer', { style_media_id: 'ingest' })).toBe(false);
  });

  it.each([
    [{ base_media_id: ID }, true],
    [{ face_media_id: ID }, true],
    [{ subject_media_id: ID, face_media_id: 'ingest' }, true],
    [{ base_media_id: 'ingest', face_media_id: ID }, true],
    [{}, false],
    [{ base_media_id: 'ingest', face_media_id: 'ingest' }, false],
    [{ base_media_id: ID, face_media_id: OTHER_ID }, false],
    [{ base_media_id: ID, subject_media_id: OTHER_ID }, false],
    [{ face_media_id: 'photo' }, false],
    [{ face_media_id: ID, prompt: 'Комикс' }, false],
  ])('of a face say which of two pictures is the photo: %o', (settings, expected) => {
    expect(isTaken('identity_transfer', settings)).toBe(expected);
  });
});
