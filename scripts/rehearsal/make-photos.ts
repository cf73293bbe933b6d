import sharp from 'sharp';
import { renderScene } from '../scene.ts';
import { writePhotoNumber } from './photo-number.ts';

/** Parties that are really drawn; the photos of one differ by their numbers only. */
const SCENES_MAX = 6;
/** So many photos are worth a party of their own. */
const PHOTOS_A_SCENE = 20;
const WIDTH_PX = 480;
const HEIGHT_PX = 320;

/** Gives the photo of a number: small, a real JPEG, and no other photo's bytes. */
export type MakePhoto = (no: number) => Promise<Buffer>;

/** Draws the parties for so many photos. The same seed draws the same ones. */
export async function drawParties(seed: number, photos: number): Promise<MakePhoto> {
  const scenes = Math.min(SCENES_MAX, Math.ceil(photos / PHOTOS_A_SCENE));
  const parties = await Promise.all(
    Array.from({ length: scenes }, async (_, index) => {
      const scene = await renderScene({ widthPx: WIDTH_PX, heightPx: HEIGHT_PX, seed: seed + index });
      return sharp(scene).removeAlpha().raw().toBuffer();
    }),
  );
  return (no) => {
    const data = parties[no % scenes] as Buffer;
    return writePhotoNumber({ data, width: WIDTH_PX, height: HEIGHT_PX }, no);
  };
}
