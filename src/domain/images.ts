/** The image types the system knows by their content. What a provider takes is a subset; results are never HEIC or HEIF. */
export const IMAGE_MIME_TYPES = ['image/jpeg', 'image/png', 'image/webp', 'image/heic', 'image/heif'] as const;

/** An image type that the system knows. */
export type ImageMimeType = (typeof IMAGE_MIME_TYPES)[number];

/** What a finished result may be. */
export type ResultMimeType = 'image/jpeg' | 'image/png' | 'image/webp';

/** File endings used in the media store, one per type. */
export const FILE_EXTENSION = {
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'image/heif': 'heif',
} as const satisfies Record<ImageMimeType, string>;

/** What the header of an image says, without decoding it. */
export interface ImageFacts {
  readonly mimeType: ImageMimeType;
  readonly widthPx: number;
  readonly heightPx: number;
  /** EXIF orientation, 1–8; 1 where the file says nothing. */
  readonly orientation: number;
}
