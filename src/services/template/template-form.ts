import { DomainError, type FieldFault } from '../../domain/errors.ts';
import { isSlotId } from '../../domain/slots.ts';
import { isTemplateKey, LABEL_LENGTH_MAX, TEMPLATE_KEYS, type TemplateKey } from '../../domain/templates.ts';
import { type FormFields, faultOf, invalidForm } from '../media/receive-picture.ts';

/** The text fields of the form that binds a template. */
export const TEMPLATE_FIELDS = ['slot_id', 'setting_key', 'label', 'replace'] as const;

/** What the form says; before all of it is there, as far as it is known. */
export interface TemplateForm {
  readonly slotId: string | undefined;
  readonly settingKey: TemplateKey | undefined;
  readonly label: string | null;
  readonly isReplacing: boolean;
}

/** A form that says everything. */
export type WholeTemplateForm = TemplateForm & { readonly slotId: string; readonly settingKey: TemplateKey };

/**
 * Reads the text fields, in any order and number.
 *
 * @throws DomainError `slot_not_found` before anything else; `invalid_payload` with every fault of what is there.
 */
export function readTemplateForm(fields: FormFields): TemplateForm {
  const slotId = fields.get('slot_id');
  if (slotId !== undefined && !isSlotId(slotId))
    throw new DomainError('slot_not_found', 'There is no such slot. Slots are slot-001 to slot-015.');
  const faults: FieldFault[] = [];
  const key = fields.get('setting_key');
  if (key !== undefined && !isTemplateKey(key))
    faults.push(faultOf('setting_key', `must be one of ${TEMPLATE_KEYS.join(', ')}`, 'enum'));
  const label = fields.get('label') ?? '';
  if ([...label].length > LABEL_LENGTH_MAX)
    faults.push(faultOf('label', `must not have more than ${LABEL_LENGTH_MAX} characters`, 'maxLength'));
  const replace = fields.get('replace') ?? 'false';
  if (replace !== 'true' && replace !== 'false') faults.push(faultOf('replace', 'must be true or false', 'type'));
  if (faults.length > 0) throw invalidForm(faults);
  return {
    slotId,
    settingKey: key !== undefined && isTemplateKey(key) ? key : undefined,
    label: label === '' ? null : label,
    isReplacing: replace === 'true',
  };
}

/** Reads a form that is complete. @throws as {@link readTemplateForm}, also for what is missing. */
export function readWholeTemplateForm(fields: FormFields): WholeTemplateForm {
  const { slotId, settingKey, ...rest } = readTemplateForm(fields);
  if (slotId !== undefined && settingKey !== undefined) return { slotId, settingKey, ...rest };
  const missing = (['slot_id', 'setting_key'] as const).filter((name) => !fields.has(name));
  throw invalidForm(missing.map((name) => faultOf(name, 'is required', 'required')));
}
