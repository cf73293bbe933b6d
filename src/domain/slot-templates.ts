/** Templates as a whole slot names them: in its own settings and in those of its fallback links. */
import type { FallbackLink, SlotPolicy } from './slot-policy.ts';
import { namedTemplates, namesTemplate, needsTransparency, type TemplateKey, withTemplate } from './templates.ts';

/** The part of a slot that names templates. */
interface TemplateUser extends Pick<SlotPolicy, 'fallback'> {
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Whether anything of the slot names the template under the key. */
export const slotNamesTemplate = ({ settings, fallback }: TemplateUser, key: TemplateKey, id: string): boolean =>
  [settings, ...fallback.map((link) => link.settings)].some((each) => namesTemplate(each, key, id));

/** The slot with another template in the place of one wherever it is named, or, without `nextId`, with none. */
export const slotWithTemplate = (
  { settings, fallback }: TemplateUser,
  key: TemplateKey,
  id: string,
  nextId?: string,
): TemplateUser => ({
  settings: withTemplate(settings, key, id, nextId),
  fallback: fallback.map((link) => ({ ...link, settings: withTemplate(link.settings, key, id, nextId) })),
});

/** Whether a template that is bound to the key now must have transparency: always, or because the slot lays it over the photo. */
export const slotNeedsTransparency = (slot: FallbackLink & Pick<SlotPolicy, 'fallback'>, key: TemplateKey): boolean =>
  needsTransparency(key) ||
  [slot, ...slot.fallback].some(
    (link) => needsTransparency(key, link) && namedTemplates(link.settings).some((name) => name.key === key),
  );
