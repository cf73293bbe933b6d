import { IMAGE_MIME_TYPES } from '../../domain/images.ts';
import type { OperationDescription, ProviderDescription } from '../provider.ts';

/** Used when the slot's settings name no model. */
export const MODEL_DEFAULT = 'gemini-3.1-flash-image';

/** What the worker and the contract may rely on; `spec/contracts/providers/gemini.md` names the sources. */
export const GEMINI_DESCRIPTION: ProviderDescription = {
  id: 'gemini',
  name: 'Google Gemini',
  needsKey: true,
  inputTravel: 'inline',
  mimeTypes: IMAGE_MIME_TYPES,
  // What does not fit into a request is uploaded. The service takes 2 GB a file; this server takes no larger photo.
  inputBytesMax: 200_000_000,
  // The models look at 14 images at most, the photo included.
  referencesMax: 13,
  runningMax: 64,
  // The reference quota of a project; its day ends at midnight Pacific time.
  callsPerMinute: 500,
  callsPerDay: 2_000,
  quotaZone: 'America/Los_Angeles',
  slowCallMs: 15_000,
  appliesOutput: false,
  operations: [
    operation('image_edit', 'Edit the photo by a prompt', ['prompt']),
    operation('style_transfer', 'Paint the photo in the style of a picture', ['prompt', 'style_media_id']),
    operation('identity_transfer', 'Put a person or a thing into a picture', [
      'prompt',
      'base_media_id',
      'overlay_media_id',
    ]),
  ],
};

function operation(id: string, name: string, needs: readonly string[]): OperationDescription {
  return { id, name, needs, schemaRef: `providers/gemini/${id}.json`, modelDefault: MODEL_DEFAULT };
}
