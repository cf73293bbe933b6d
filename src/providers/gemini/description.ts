import { IMAGE_MIME_TYPES } from '../../domain/images.ts';
import type { ProviderDescription } from '../provider.ts';

/** A photo travels inside the request while its base64 stays below 15 MB, which every model's request limit allows. */
const INLINE_BASE64_BYTES_MAX = 15_000_000;

/** What the worker and the contract may rely on; `spec/contracts/providers/gemini.md` names the sources. */
export const GEMINI_DESCRIPTION: ProviderDescription = {
  id: 'gemini',
  name: 'Google Gemini',
  needsKey: true,
  inputTravel: 'inline',
  mimeTypes: IMAGE_MIME_TYPES,
  inputBytesMax: (INLINE_BASE64_BYTES_MAX / 4) * 3,
  referencesMax: 0,
  runningMax: 64,
  callsPerMinute: 500,
  slowCallMs: 15_000,
  appliesOutput: false,
  operations: [
    {
      id: 'image_edit',
      name: 'Edit the photo by a prompt',
      needs: ['prompt'],
      schemaRef: 'providers/gemini/image_edit.json',
    },
  ],
};
