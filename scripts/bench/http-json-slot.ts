/** What every server of the HTTP benchmark answers, and what the load sends. */

const AT = '2026-03-14T09:26:53.589Z';
const JOB_ID = '0190f5fe-7c00-7a00-8000-0123456789ab';

/** Where the slot lives. */
export const SLOT_PATH = '/api/slots/slot-007';

const SETTINGS = {
  prompt: `Turn the guests into a comic. ${'Keep every face recognisable and the number of people. '.repeat(15)}`,
  model: 'gemini-3.1-flash-image',
  aspect_ratio: '3:2',
  output: { format: 'jpeg', quality: 92 },
};

const result = (index: number): object => ({
  job_id: JOB_ID,
  thumbnail_url: `http://127.0.0.1:3000/public/results/${JOB_ID}/thumbnail?${index}`,
  download_url: `http://127.0.0.1:3000/public/results/${JOB_ID}?${index}`,
  completed_at: AT,
  result_expires_at: AT,
  mime: 'image/jpeg',
  size_bytes: 123_456 + index,
});

/** A slot as `getSlot` answers it. */
export const slotOf = (slotId: string) => ({
  id: slotId,
  name: 'Photo booth by the entrance',
  provider_id: 'gemini',
  operation_id: 'image_edit',
  settings_json: SETTINGS,
  is_enabled: true,
  keep_original_hours: 0,
  version: 3,
  last_reset_at: null,
  created_at: AT,
  updated_at: AT,
  updated_by: 'admin',
  recent_results: [result(0), result(1), result(2)],
});

/** What `updateSlot` answers. */
export const updatedOf = (slotId: string) => ({ id: slotId, updated_at: AT, warnings: [] });

/** The body of the `PUT`: 1 kB. */
export const UPDATE = JSON.stringify({
  name: 'Photo booth by the entrance',
  provider_id: 'gemini',
  operation_id: 'image_edit',
  settings_json: SETTINGS,
});
