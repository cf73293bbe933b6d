/** Template pictures of slots. What is deleted is invisible here; its row only keeps its file until no job can need it. */
import { sql } from 'kysely';
import type { TemplateCopy } from '../domain/templates.ts';
import type { Step } from './transaction.ts';

/** A template as administrators see it. */
export interface Template {
  readonly id: string;
  readonly slotId: string;
  readonly settingKey: string;
  readonly label: string | null;
  /** Relative to the media root. */
  readonly path: string;
  readonly mimeType: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Whether it has a channel of transparency. */
  readonly hasAlpha: boolean;
  readonly uploadedBy: string;
  readonly createdAt: Date;
}

const COLUMNS = [
  'id',
  'slot_id',
  'setting_key',
  'label',
  'path',
  'mime_type',
  'size_bytes',
  'checksum',
  'has_alpha',
  'uploaded_by',
  'created_at',
] as const;

interface TemplateRow {
  id: string;
  slot_id: string;
  setting_key: string;
  label: string | null;
  path: string;
  mime_type: string;
  size_bytes: number;
  checksum: string;
  has_alpha: boolean;
  uploaded_by: string;
  created_at: Date;
}

const toTemplate = (row: TemplateRow): Template => ({
  id: row.id,
  slotId: row.slot_id,
  settingKey: row.setting_key,
  label: row.label,
  path: row.path,
  mimeType: row.mime_type,
  sizeBytes: row.size_bytes,
  sha256: row.checksum,
  hasAlpha: row.has_alpha,
  uploadedBy: row.uploaded_by,
  createdAt: row.created_at,
});

/** Which templates are wanted; what is left out does not matter. */
export interface TemplateFilter {
  readonly slotId?: string | undefined;
  readonly settingKey?: string | undefined;
}

const live = (db: Step, { slotId, settingKey }: TemplateFilter) =>
  db.kysely
    .selectFrom('template_media')
    .where('deleted_at', 'is', null)
    .$if(slotId !== undefined, (query) => query.where('slot_id', '=', slotId as string))
    .$if(settingKey !== undefined, (query) => query.where('setting_key', '=', settingKey as string));

/** The templates that fit, oldest first. */
export async function listTemplates(
  db: Step,
  filter: TemplateFilter = {},
  page: { limit: number; offset: number } = { limit: 1_000, offset: 0 },
): Promise<Template[]> {
  const rows = await live(db, filter)
    .select(COLUMNS)
    .orderBy('created_at')
    .orderBy('id')
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return rows.map(toTemplate);
}

/** How many templates fit. */
export async function countTemplates(db: Step, filter: TemplateFilter): Promise<number> {
  const { count } = await live(db, filter)
    .select((expression) => expression.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return count;
}

/** One template. @param id must be a UUID. */
export async function findTemplate(db: Step, id: string): Promise<Template | undefined> {
  const row = await live(db, {}).select(COLUMNS).where('id', '=', id).executeTakeFirst();
  return row && toTemplate(row);
}

/** The templates that settings of this slot name under the keys they are bound to; names that lead nowhere bring nothing. */
export async function findNamedTemplates(
  db: Step,
  slotId: string,
  settings: Readonly<Record<string, unknown>>,
): Promise<(TemplateCopy & { readonly key: string })[]> {
  const { rows } = await sql<TemplateRow>`
    select * from template_media t where t.slot_id = ${slotId} and t.deleted_at is null
      and ${JSON.stringify(settings)}::jsonb -> t.setting_key ? t.id::text`.execute(db.kysely);
  return rows.map(toTemplate).map(({ settingKey, id, path, mimeType, sizeBytes, sha256 }) => ({
    key: settingKey,
    id,
    path,
    mimeType,
    sizeBytes,
    sha256,
  }));
}

/** Binds a template. The slot is locked by the caller's transaction; a single key that has one already breaks a constraint. */
export async function insertTemplate(db: Step, template: Omit<Template, 'createdAt'>): Promise<Template> {
  const row = await db.kysely
    .insertInto('template_media')
    .values({
      id: template.id,
      slot_id: template.slotId,
      setting_key: template.settingKey,
      label: template.label,
      path: template.path,
      mime_type: template.mimeType,
      size_bytes: template.sizeBytes,
      checksum: template.sha256,
      has_alpha: template.hasAlpha,
      uploaded_by: template.uploadedBy,
    })
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
  return toTemplate(row);
}

/** Unbinds a template. Its file goes later, by the clean-up. */
export async function markTemplateDeleted(db: Step, id: string): Promise<void> {
  await db.kysely
    .updateTable('template_media')
    .set({ deleted_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
}
