import type { Actor } from '../../domain/actor.ts';
import { DomainError } from '../../domain/errors.ts';
import { slotNamesTemplate, slotWithTemplate } from '../../domain/slot-templates.ts';
import { isTemplateKey } from '../../domain/templates.ts';
import { recordAudit } from '../../repositories/audit-log.ts';
import { lockSlot, updateSlot } from '../../repositories/slots.ts';
import { findTemplate, markTemplateDeleted } from '../../repositories/templates.ts';
import { transaction } from '../../repositories/transaction.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from '../media/media-deps.ts';
import { noSuchTemplate, templateIdOf } from './open-template.ts';

/** Which template, and where it is bound: both must be right, so that nobody deletes what they did not mean. */
export interface TemplateDeletion {
  readonly id: string;
  readonly slotId: string;
  readonly settingKey: string;
  /** Also when the slot's settings, or those of a fallback link, name it; they then no longer do. */
  readonly isForced: boolean;
}

/**
 * Unbinds a template. Jobs that were accepted before keep it: its file goes once none of them can need it.
 *
 * @throws DomainError `not_found` (also when it is bound elsewhere), `template_in_use`, `queue_unavailable`.
 */
export async function deleteTemplate(
  { db }: Pick<MediaDeps, 'db'>,
  actor: Actor,
  { id, slotId, settingKey, isForced }: TemplateDeletion,
): Promise<void> {
  const templateId = templateIdOf(id);
  await needDatabase(
    transaction(db, async (step) => {
      const slot = await lockSlot(step, slotId);
      const template = await findTemplate(step, templateId);
      const isBound = template?.slotId === slotId && template.settingKey === settingKey;
      if (slot === undefined || !isBound || !isTemplateKey(settingKey)) throw noSuchTemplate();
      const isNamed = slotNamesTemplate(slot, settingKey, templateId);
      if (isNamed && !isForced) {
        throw new DomainError('template_in_use', `${slotId} uses this template. Change the slot first, or force it.`, {
          details: { slot_id: slotId, setting_key: settingKey },
        });
      }
      if (isNamed) {
        await updateSlot(step, slotId, slotWithTemplate(slot, settingKey, templateId), actor.name);
      }
      await markTemplateDeleted(step, templateId);
      await recordAudit(step, actor, {
        action: 'template.deleted',
        objectType: 'template',
        objectId: templateId,
        details: { slot_id: slotId, setting_key: settingKey, was_in_use: isNamed },
      });
    }),
  );
}
