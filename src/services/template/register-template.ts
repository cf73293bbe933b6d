/** Binding a template picture to a setting key of a slot. */
import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import type { ImageMimeType } from '../../domain/images.ts';
import { slotNamesTemplate, slotNeedsTransparency, slotWithTemplate } from '../../domain/slot-templates.ts';
import { isListKey, needsTransparency, TEMPLATES_PER_LIST_MAX } from '../../domain/templates.ts';
import type { ReceiveUpload } from '../../media/upload.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { findSlot, lockSlot, type Slot, updateSlot } from '../../repositories/slots.ts';
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
import {
  readTemplateForm,
  readWholeTemplateForm,
  TEMPLATE_FIELDS,
  type TemplateForm,
  type WholeTemplateForm,
} from './template-form.ts';

/** Formats that can be transparent. */
const TRANSPARENT_TYPES: readonly ImageMimeType[] = ['image/png', 'image/webp'];

/** A picture that lies in the store, and what decides where it can be bound. */
type BindablePicture = KeptPicture & { readonly hasAlpha: boolean };

/** What registering a template needs. */
export type RegisterTemplateDeps = Pick<MediaDeps, 'db' | 'store' | 'createInspector' | 'preparePicture' | 'limits'>;

/**
 * Receives a picture and binds it. A key has one template, but for keys that take a list; a replacement takes the place of the
 * one that is there, also in the slot's settings, in one transaction. In a list nothing is replaced: pictures are added.
 *
 * @throws DomainError `slot_not_found`, `invalid_payload` (also a broken picture, or one without the transparency that its key
 * needs as the slot is set up now), `template_already_bound`, `payload_too_large`, `unsupported_media_type`, `queue_unavailable`,
 * `storage_unavailable`; nothing is changed then and no file is left.
 */
export async function registerTemplate(
  deps: RegisterTemplateDeps,
  actor: Actor,
  request: { readonly receiveUpload: ReceiveUpload; readonly signal: AbortSignal },
): Promise<Template> {
  const { fields, picture } = await receivePicture(deps, {
    ...request,
    textFields: TEMPLATE_FIELDS,
    admit: async (given, isComplete) =>
      needDatabase(admit(deps.db, isComplete ? readWholeTemplateForm(given) : readTemplateForm(given))),
  });
  const form = readWholeTemplateForm(fields);
  return keepPicture(deps, 'templates', picture, (kept) =>
    needDatabase(transaction(deps.db, (step) => bind(step, actor, form, { ...kept, hasAlpha: picture.hasAlpha }))),
  );
}

/** What is known before the file: whether there is a place for it, and which types can go there. {@link bind} has the last word. */
async function admit(db: Step, form: TemplateForm): Promise<readonly ImageMimeType[]> {
  const { slotId, settingKey } = form;
  if (settingKey === undefined) return KEPT_TYPES;
  if (slotId === undefined) return needsTransparency(settingKey) ? TRANSPARENT_TYPES : KEPT_TYPES;
  await demandPlace(db, { ...form, slotId, settingKey });
  const slot = await findSlot(db, slotId);
  return slot !== undefined && slotNeedsTransparency(slot, settingKey) ? TRANSPARENT_TYPES : KEPT_TYPES;
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

function demandTransparency(slot: Slot, { settingKey }: WholeTemplateForm, { hasAlpha }: BindablePicture): void {
  if (slotNeedsTransparency(slot, settingKey) && !hasAlpha)
    throw invalidForm([faultOf('file', 'has no transparency and would hide the photo', 'picture')]);
}

async function bind(step: Step, actor: Actor, form: WholeTemplateForm, kept: BindablePicture): Promise<Template> {
  const { slotId, settingKey } = form;
  const slot = await lockSlot(step, slotId);
  if (slot === undefined) throw new DomainError('slot_not_found', `There is no slot ${slotId}.`);
  const bound = await demandPlace(step, form);
  demandTransparency(slot, form, kept);
  const earlier = isListKey(settingKey) ? undefined : bound[0];
  if (earlier !== undefined) await markTemplateDeleted(step, earlier.id);
  const template = await insertTemplate(step, {
    ...kept,
    slotId,
    settingKey,
    label: form.label,
    uploadedBy: actor.name,
  });
  if (earlier !== undefined && slotNamesTemplate(slot, settingKey, earlier.id)) {
    await updateSlot(step, slotId, slotWithTemplate(slot, settingKey, earlier.id, template.id), actor.name);
  }
  await recordAudit(step, actor, {
    action: earlier === undefined ? 'template.registered' : 'template.replaced',
    objectType: 'template',
    objectId: template.id,
    details: { slot_id: slotId, setting_key: settingKey, replaced_id: earlier?.id ?? null, checksum: template.sha256 },
  });
  return template;
}
