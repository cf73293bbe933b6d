import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  jobTemplates,
  namedTemplates,
  namesTemplate,
  needsTransparency,
  TEMPLATE_KEYS,
  withTemplate,
} from '../../src/domain/templates.ts';

const A = '0b7a3f64-52d9-4c1e-8f0a-6d2b9e4c7a15';
const B = '1c8b4a75-63ea-4d2f-9a1b-7e3cae5d8b26';
const C = '2d9c5b86-74fb-4e3a-8b2c-8f4dbf6e9c37';

describe('settings name a template', () => {
  it('by a key of its own or in a list; the word for the photo, and keys of other things, name none', () => {
    const settings = { prompt: A, overlay_media_id: A, style_media_id: 'ingest', template_media_ids: [B, 'ingest', C] };
    expect(namedTemplates(settings)).toEqual([
      { key: 'overlay_media_id', value: A, pointer: '/overlay_media_id' },
      { key: 'template_media_ids', value: B, pointer: '/template_media_ids/0' },
      { key: 'template_media_ids', value: C, pointer: '/template_media_ids/2' },
    ]);
  });

  it('under that key only', () => {
    expect(namesTemplate({ overlay_media_id: A }, 'overlay_media_id', A)).toBe(true);
    expect(namesTemplate({ overlay_media_id: A }, 'watermark_media_id', A)).toBe(false);
    expect(namesTemplate({ template_media_ids: [B, A] }, 'template_media_ids', A)).toBe(true);
    expect(namesTemplate({ template_media_ids: [B] }, 'template_media_ids', A)).toBe(false);
  });
});

describe('transparency', () => {
  const reader = (providerId: string, operationId: string) => ({ providerId, operationId });

  it('is needed by what is laid over the finished picture, whoever made it', () => {
    expect(needsTransparency('finish_frame_media_id')).toBe(true);
    expect(needsTransparency('finish_frame_media_id', reader('gemini', 'image_edit'))).toBe(true);
  });

  it('is needed of an overlay by the frame of the studio, and by nobody else', () => {
    expect(needsTransparency('overlay_media_id', reader('studio', 'frame'))).toBe(true);
    expect(needsTransparency('overlay_media_id', reader('studio', 'watermark'))).toBe(false);
    expect(needsTransparency('overlay_media_id', reader('gemini', 'identity_transfer'))).toBe(false);
    expect(needsTransparency('overlay_media_id', reader('gemini', 'frame'))).toBe(false);
    expect(needsTransparency('overlay_media_id')).toBe(false);
    expect(needsTransparency('watermark_media_id', reader('studio', 'frame'))).toBe(false);
  });
});

describe('another template', () => {
  it('takes the place of the one that is named, and nothing else changes', () => {
    const settings = { style: 'border', overlay_media_id: A };
    expect(withTemplate(settings, 'overlay_media_id', A, B)).toEqual({ style: 'border', overlay_media_id: B });
    expect(withTemplate(settings, 'overlay_media_id', C, B)).toEqual(settings);
    expect(settings.overlay_media_id).toBe(A);
  });

  it('takes its place in a list without changing the order', () => {
    expect(withTemplate({ template_media_ids: [A, B, C] }, 'template_media_ids', B, A)).toEqual({
      template_media_ids: [A, A, C],
    });
  });
});

describe('no template any more', () => {
  it('leaves the key out', () => {
    expect(withTemplate({ style: 'border', overlay_media_id: A }, 'overlay_media_id', A)).toEqual({ style: 'border' });
  });

  it('leaves the rest of a list, and no empty one', () => {
    expect(withTemplate({ template_media_ids: [A, B] }, 'template_media_ids', A)).toEqual({ template_media_ids: [B] });
    expect(withTemplate({ template_media_ids: [A] }, 'template_media_ids', A)).toEqual({});
  });
});

describe('a job carries', () => {
  const copy = (id: string) => ({ id, path: `templates/${id}.png`, mimeType: 'image/png', sizeBytes: 1, sha256: 'f' });

  it('the templates that its settings name, lists in the order of the settings', () => {
    const settings = { overlay_media_id: A, template_media_ids: [C, B] };
    const found = [
      { key: 'template_media_ids', ...copy(B) },
      { key: 'template_media_ids', ...copy(C) },
      { key: 'overlay_media_id', ...copy(A) },
      { key: 'watermark_media_id', ...copy(A) },
    ];
    expect(jobTemplates(settings, found)).toEqual({
      overlay_media_id: copy(A),
      template_media_ids: [copy(C), copy(B)],
    });
  });

  it('a list as a list, also of one', () => {
    expect(jobTemplates({ template_media_ids: [A] }, [{ key: 'template_media_ids', ...copy(A) }])).toEqual({
      template_media_ids: [copy(A)],
    });
  });

  it('nothing at all where they name none, or none that is there', () => {
    expect(jobTemplates({ overlay_media_id: 'ingest' }, [])).toBeUndefined();
    expect(jobTemplates({ overlay_media_id: A }, [{ key: 'style_media_id', ...copy(A) }])).toBeUndefined();
  });
});

describe('the keys that can name templates', () => {
  it('are all that the schemas of the providers use', () => {
    const folder = new URL('../../spec/contracts/schemas/providers/', import.meta.url);
    const schemas = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
    const keys = schemas.flatMap((name) =>
      Object.keys(JSON.parse(readFileSync(new URL(name, folder), 'utf8')).properties ?? {}),
    );
    const used = keys.filter((key) => /_media_ids?$/.test(key));
    expect(used.length).toBeGreaterThan(0);
    expect(TEMPLATE_KEYS).toEqual(expect.arrayContaining(used));
  });

  it('are those that the contract takes', () => {
    const file = new URL('../../spec/contracts/schemas/TemplateMediaRegisterRequest.json', import.meta.url);
    expect(JSON.parse(readFileSync(file, 'utf8')).properties.setting_key.enum).toEqual(TEMPLATE_KEYS);
  });
});
