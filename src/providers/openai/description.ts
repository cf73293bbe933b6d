import type { ProviderDescription } from '../provider.ts';

/** Used when the slot's settings name no model. */
export const MODEL_DEFAULT = 'gpt-image-2';

/** What the worker and the contract may rely on; `spec/contracts/providers/openai.md` names the sources. */
export const OPENAI_DESCRIPTION: ProviderDescription = {
  id: 'openai',
  name: 'OpenAI',
  needsKey: true,
  inputTravel: 'inline',
  mimeTypes: ['image/jpeg', 'image/png', 'image/webp'],
  // Each file has to stay below 50 MB.
  inputBytesMax: 49_999_999,
  // Sixteen images in all, one of which is the photo.
  referencesMax: 15,
  runningMax: 64,
  callsPerMinute: 250,
  // Calls of 30–60 s are common: the first has the whole window, and a retry that has less than 12 s left is not paid for.
  slowCallMs: 60_000,
  appliesOutput: false,
  operations: [
    {
      id: 'image_edit',
      name: 'Edit the photo by a prompt',
      needs: ['prompt'],
      schemaRef: 'providers/openai/image_edit.json',
      modelDefault: MODEL_DEFAULT,
    },
  ],
};
