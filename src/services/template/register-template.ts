/** Binding a template picture to a setting key of a slot. */
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ImageMimeType } from '../../domain/images.ts';
import {
  isListKey,
  namesTemplate,
  needsTransparency,
  TEMPLATES_PER_LIST_MAX,
  withTemplate,
} from '../../domain/templates.ts';
import type { PreparedPicture } from '../../media/picture.ts';
import type { ReceiveUpload } from '../../media/upload.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { lockSlot, updateSlot } from '../../repositories/slots.ts';
import { insertTemplate, listTemplates, markTemplateDeleted, type Template } from '../../repositories/templates.ts';
import { type Step, transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from '../media/media-deps.ts';
import {
  faultOf,
  invalidForm,
  KEPT_TYPES,
  type KeptPicture,
  keepPicture,
  receivePicture,
} from '../media/receive-picture.ts';
import { readTemplateForm, readWholeTemplateForm, TEMPLATE_FIELDS, type WholeTemplateForm } from './template-form.ts';

/** Formats that can be transparent. */
const TRANSPARENT_TYPES: readonly ImageMimeType[] = ['image/png', 'image/webp'];

/** What registering a template needs. */
export type RegisterTemplateDeps = Pick<MediaDeps, 'db' | 'store' | 'createInspector' | 'preparePicture' | 'limits'>;

/**
 * Receives a picture and binds it. A key has one template, but for keys that take a list; a replacement takes the place of the
 * one that is there, also in the slot's settings, in one transaction. In a list nothing is replaced: pictures are added.
 *
 * @throws DomainError `slot_not_found`, `invalid_payload` (also a broken picture, or one without the transparency that its key
 * needs), `template_already_bound`, `payload_too_large`, `unsupported_media_type`, `queue_unavailable`, `storage_unavailable`;
 * nothing is changed then and no file is left.
 */
export async function registerTemplate(
  deps: RegisterTemplateDeps,
  actor: Actor,
  request: { readonly receiveUpload: ReceiveUpload; readonly signal: AbortSignal },
): Promise<Template> {
  const { fields, picture } = await receivePicture(deps, {
    ...request,
    textFields: TEMPLATE_FIELDS,
    admit: async (given, isComplete) => {
      const form = isComplete ? readWholeTemplateForm(given) : readTemplateForm(given);
      const { slotId, settingKey } = form;
      if (slotId !== undefined && settingKey !== undefined)
        await needDatabase(demandPlace(deps.db, { ...form, slotId, settingKey }));
      return settingKey !== undefined && needsTransparency(settingKey) ? TRANSPARENT_TYPES : KEPT_TYPES;
    },
  });
  const form = readWholeTemplateForm(fields);
  demandTransparency(form, picture);
  return keepPicture(deps, 'templates', picture, (kept) =>
    needDatabase(transaction(deps.db, (step) => bind(step, actor, form, kept))),
  );
}

/** @returns what is bound there. @throws DomainError `template_already_bound`. */
async function demandPlace(db: Step, { slotId, settingKey, isReplacing }: WholeTemplateForm): Promise<Template[]> {
  const bound = await listTemplates(db, { slotId, settingKey });
  if (isListKey(settingKey) ? bound.length >= TEMPLATES_PER_LIST_MAX : bound.length > 0 && !isReplacing) {
    const why = isListKey(settingKey)
      ? `has ${TEMPLATES_PER_LIST_MAX} templates already, which is the most. Delete one first.`
      : 'has a template already. Send replace=true to put this one in its place.';
    throw new DomainError('template_already_bound', `${settingKey} of ${slotId} ${why}`, {
      details: { template_ids: bound.map(({ id }) => id) },
    });
  }
  return bound;
}

function demandTransparency({ settingKey }: WholeTemplateForm, { hasAlpha }: PreparedPicture): void {
  if (needsTransparency(settingKey) && !hasAlpha)
    throw invalidForm([faultOf('file', 'has no transparency and would hide the photo', 'picture')]);
}

async function bind(step: Step, actor: Actor, form: WholeTemplateForm, kept: KeptPicture): Promise<Template> {
  const { slotId, settingKey } = form;
  const slot = await lockSlot(step, slotId);
  if (slot === undefined) throw new DomainError('slot_not_found', `There is no slot ${slotId}.`);
  const bound = await demandPlace(step, form);
  const earlier = isListKey(settingKey) ? undefined : bound[0];
  if (earlier !== undefined) await markTemplateDeleted(step, earlier.id);
  const template = await insertTemplate(step, {
    ...kept,
    slotId,
    settingKey,
    label: form.label,
    uploadedBy: actor.name,
  });
  if (earlier !== undefined && namesTemplate(slot.settings, settingKey, earlier.id)) {
    const settings = withTemplate(slot.settings, settingKey, earlier.id, template.id);
    await updateSlot(step, slotId, { settings }, actor.name);
  }
  await recordAudit(step, actor, {
    action: earlier === undefined ? 'template.registered' : 'template.replaced',
    objectType: 'template',
    objectId: template.id,
    details: { slot_id: slotId, setting_key: settingKey, replaced_id: earlier?.id ?? null, checksum: template.sha256 },
  });
  return template;
}
