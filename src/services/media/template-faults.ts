import type { FieldFault } from '../../domain/errors.ts';
import type { FallbackLink } from '../../domain/slot-policy.ts';
import { namedTemplates, needsTransparency, type TemplateName } from '../../domain/templates.ts';
import { listTemplates } from '../../repositories/templates.ts';
import type { Step } from '../../repositories/transaction.ts';

/**
 * Every place where the settings of a slot, or of one of its fallback links, name a template that is not bound to that key of that
 * slot, or one without the transparency that the operation needs. Pointers are relative to the settings.
 *
 * Call it inside the transaction that stores the settings, after the slot's row is locked: every change of a slot's templates
 * locks that row first, so a template that was found stays.
 */
export async function findTemplateFaults(db: Step, slotId: string, link: FallbackLink): Promise<FieldFault[]> {
  const named = namedTemplates(link.settings);
  if (named.length === 0) return [];
  const bound = await listTemplates(db, { slotId });
  return named.flatMap((name) => {
    const template = bound.find(({ settingKey, id }) => settingKey === name.key && id === name.value);
    if (template === undefined) return [notBound(name, slotId)];
    return needsTransparency(name.key, link) && !template.hasAlpha ? [opaque(name)] : [];
  });
}

const notBound = ({ key, pointer }: TemplateName, slotId: string): FieldFault => ({
  pointer,
  message: `names a template that is not bound to ${key} of ${slotId}`,
  keyword: 'template',
});

const opaque = ({ pointer }: TemplateName): FieldFault => ({
  pointer,
  message: 'names a template that has no transparency and would hide the photo',
  keyword: 'transparency',
});
