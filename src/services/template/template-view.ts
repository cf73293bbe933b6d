import type { Template } from '../../repositories/templates.ts';

/** A template as clients see it (schema `TemplateMediaObject`). */
export const templateView = (template: Template) => ({
  id: template.id,
  slot_id: template.slotId,
  setting_key: template.settingKey,
  label: template.label,
  checksum: template.sha256,
  mime: template.mimeType,
  size_bytes: template.sizeBytes,
  uploaded_by: template.uploadedBy,
  created_at: template.createdAt.toISOString(),
});
