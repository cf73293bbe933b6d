import { DomainError } from '../../domain/errors.ts';
import type { PictureBytes } from '../../media/picture.ts';
import { findTemplate, type Template } from '../../repositories/templates.ts';
import { needDatabase } from '../database-fault.ts';
import type { MediaDeps } from '../media/media-deps.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A template's id in its stored form. @throws DomainError `not_found` for a text that is no id. */
export function templateIdOf(id: string): string {
  if (!UUID.test(id)) throw noSuchTemplate();
  return id.toLowerCase();
}

/** What an id that leads nowhere is answered with. */
export const noSuchTemplate = (): DomainError => new DomainError('not_found', 'There is no such template.');

/**
 * Opens a template's picture. Whoever sends it closes it.
 *
 * @throws DomainError `not_found`, `queue_unavailable`, `storage_unavailable`.
 */
export async function openTemplate(
  { db, store }: Pick<MediaDeps, 'db' | 'store'>,
  id: string,
): Promise<{ readonly template: Template; readonly file: PictureBytes }> {
  const template = await needDatabase(findTemplate(db, templateIdOf(id)));
  const found = template && (await store.openFile(template.path));
  if (template === undefined || found === undefined) throw noSuchTemplate();
  return { template, file: { kind: 'file', handle: found.handle, offset: 0, sizeBytes: found.sizeBytes } };
}
