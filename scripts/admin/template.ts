import { COMMAND_LINE } from '../../src/domain/actor.ts';
import { createDiskStore } from '../../src/media/disk-store.ts';
import { createImageInspector } from '../../src/media/inspect-image.ts';
import { preparePicture } from '../../src/media/prepare-picture.ts';
import { findTemplate, listTemplates } from '../../src/repositories/templates.ts';
import { deleteTemplate } from '../../src/services/template/delete-template.ts';
import { noSuchTemplate, templateIdOf } from '../../src/services/template/open-template.ts';
import { registerTemplate } from '../../src/services/template/register-template.ts';
import { type Command, readOptions, required, table } from './command.ts';
import { localUpload } from './local-upload.ts';

/** `template list` */
export const listTemplatesCommand: Command = {
  name: ['template', 'list'],
  usage: 'template list',
  about: 'All template pictures, and which setting of which slot each is bound to.',
  run: async (_words, { db }) => {
    const rows = (await listTemplates(db)).map((template) => [
      template.id,
      template.slotId,
      template.settingKey,
      template.mimeType,
      String(template.sizeBytes),
      template.label ?? '',
    ]);
    return table([['template', 'slot', 'setting', 'type', 'bytes', 'label'], ...rows]);
  },
};

/** `template add` */
export const addTemplateCommand: Command = {
  name: ['template', 'add'],
  usage: 'template add <slot-id> <setting-key> <file> [--label L] [--replace]',
  about:
    'Binds a picture to a setting of a slot; --replace puts it in the place of the one that is there. Prints the id that settings name it by.',
  run: async (words, { config, db }) => {
    const { values, positionals } = readOptions(words, { label: { type: 'string' }, replace: { type: 'boolean' } });
    const fields = new Map([
      ['slot_id', required(positionals[0], 'The slot id')],
      ['setting_key', required(positionals[1], 'The setting key')],
      ['label', values.label ?? ''],
      ['replace', String(values.replace === true)],
    ]);
    const file = required(positionals[2], 'The file');
    const { MEDIA_FREE_BYTES_MIN: freeBytesMin, UPLOAD_BYTES_MAX, IMAGE_PIXELS_MAX } = config.values;
    const store = createDiskStore({ root: config.mediaRoot, freeBytesMin });
    await store.open();
    const limits = { uploadBytesMax: UPLOAD_BYTES_MAX, imagePixelsMax: IMAGE_PIXELS_MAX };
    const template = await registerTemplate(
      { db, store, createInspector: createImageInspector, preparePicture, limits },
      COMMAND_LINE,
      { receiveUpload: localUpload(file, fields), signal: new AbortController().signal },
    );
    return `${template.id} is bound to ${template.settingKey} of ${template.slotId}.`;
  },
};

/** `template delete` */
export const deleteTemplateCommand: Command = {
  name: ['template', 'delete'],
  usage: 'template delete <template-id> [--force]',
  about: 'Unbinds a template picture; --force also where the slot uses it. Photos already accepted keep it.',
  run: async (words, { db }) => {
    const { values, positionals } = readOptions(words, { force: { type: 'boolean' } });
    const template = await findTemplate(db, templateIdOf(required(positionals[0], 'The template id')));
    if (template === undefined) throw noSuchTemplate();
    await deleteTemplate({ db }, COMMAND_LINE, { ...template, isForced: values.force === true });
    return `${template.id} is no longer bound to ${template.settingKey} of ${template.slotId}.`;
  },
};
