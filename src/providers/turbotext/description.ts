import type { OperationDescription, ProviderDescription } from '../provider.ts';

/** Where the service may be asked, and where its pictures may lie: these hosts and no other. */
export const TURBOTEXT_HOSTS: readonly string[] = ['www.turbotext.ru', 'turbotext.ru'];

const operation = (id: string, name: string, needs: readonly string[]): OperationDescription => ({
  id,
  name,
  needs,
  schemaRef: `providers/turbotext/${id}.json`,
});

/** What the worker and the contract may rely on; `spec/contracts/providers/turbotext.md` names the sources. */
export const TURBOTEXT_DESCRIPTION: ProviderDescription = {
  id: 'turbotext',
  name: 'Turbotext',
  needsKey: true,
  inputTravel: 'public_url',
  mimeTypes: ['image/jpeg', 'image/png', 'image/webp'],
  inputBytesMax: 50_000_000,
  referencesMax: 1,
  runningMax: 16,
  callsPerMinute: null,
  // 10–40 s are common, and a job that was taken is paid for: it has the whole window.
  slowCallMs: 40_000,
  appliesOutput: false,
  operations: [
    operation('image_edit', 'Edit the photo by a prompt', ['prompt']),
    operation('style_transfer', 'Paint the photo in the style of a template picture', ['style_media_id']),
    operation('identity_transfer', 'Put a face on a person', ['base_media_id', 'face_media_id']),
  ],
};
