import type { SourceImage } from '../provider.ts';
import type { RequestContent } from '../request-body.ts';
import type { ServiceFile } from './read-file.ts';

/** One part of the request's content, in the order it is sent. */
export type RequestPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly image: SourceImage };

/** The JSON body of `generateContent`: text around images, which are sent as base64 unless they are among the uploaded `files`. */
export function writeContent(
  parts: readonly RequestPart[],
  generationConfig: unknown,
  files: ReadonlyMap<SourceImage, Pick<ServiceFile, 'uri'>> = new Map(),
): RequestContent {
  const segments: (string | SourceImage)[] = [];
  let text = '{"contents":[{"role":"user","parts":[';
  parts.forEach((part, index) => {
    if (index > 0) text += ',';
    if (part.kind === 'text') {
      text += JSON.stringify({ text: part.text });
      return;
    }
    const { mimeType } = part.image;
    const file = files.get(part.image);
    if (file !== undefined) {
      text += JSON.stringify({ fileData: { mimeType, fileUri: file.uri } });
      return;
    }
    segments.push(`${text}{"inlineData":{"mimeType":${JSON.stringify(mimeType)},"data":"`, part.image);
    text = '"}}';
  });
  segments.push(`${text}]}],"generationConfig":${JSON.stringify(generationConfig)}}`);
  return { segments, images: 'base64' };
}
