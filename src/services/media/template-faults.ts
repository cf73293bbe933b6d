import type { FieldFault } from '../../domain/errors.ts';
import { namedTemplates } from '../../domain/templates.ts';
import { findNamedTemplates } from '../../repositories/templates.ts';
import type { Step } from '../../repositories/transaction.ts';

/**
 * Every place where settings name a template that is not bound to that key of that slot. Pointers are relative to the settings.
 *
 * Call it inside the transaction that stores the settings, after the slot's row is locked: every change of a slot's templates
 * locks that row first, so a template that was found stays.
 */
export async function findTemplateFaults(
  db: Step,
  slotId: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<FieldFault[]> {
  const named = namedTemplates(settings);
  if (named.length === 0) return [];
  const bound = await findNamedTemplates(db, slotId, settings);
  return named
    .filter(({ key, value }) => !bound.some((template) => template.key === key && template.id === value))
    .map(({ key, pointer }) => ({
      pointer,
      message: `names a template that is not bound to ${key} of ${slotId}`,
      keyword: 'template',
    }));
}
