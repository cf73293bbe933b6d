import type { Sharp } from 'sharp';
import { applyShape } from '../../media/apply-shape.ts';
import { openPixels } from '../../media/sharp.ts';
import { writeFormat } from '../../media/write-format.ts';
import { secondsLeft } from './open-picture.ts';
import type { Made, StudioTask } from './operation.ts';

/**
 * Runs what an operation made and writes the result in its final shape, inside its frame. Only where one of them is asked for, the
 * picture is in memory whole, between the two steps.
 *
 * No metadata is kept; a photo that named its colour space gets a result that names sRGB (480 bytes), since its pixels were
 * converted: sRGB is what printers and browsers without colour management assume.
 */
export async function writeMade(made: Made, task: StudioTask): Promise<Buffer> {
  const { output, photo } = task;
  const pipeline = isFinished(made, task) ? made.pipeline : await finish(made, task);
  const tagged = photo.hasProfile ? pipeline.withIccProfile('srgb') : pipeline;
  return writeFormat(tagged, output.format, output.quality).toBuffer();
}

function isFinished({ size, shape }: Made, { frame }: StudioTask): boolean {
  if (frame !== undefined) return false;
  const isSized = size.widthPx === shape.size.widthPx && size.heightPx === shape.size.heightPx;
  return isSized || (shape.fit === 'fill' && shape.factor <= 1);
}

async function finish({ pipeline, shape }: Made, { output, frame, limits }: StudioTask): Promise<Sharp> {
  const { data, info } = await pipeline
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  limits.signal.throwIfAborted();
  const { width, height, channels } = info;
  const overlay = await frame?.decode(shape.size);
  const made = openPixels(data, { raw: { width, height, channels }, limitInputPixels: limits.pixelsMax });
  const shaped = applyShape(made.timeout({ seconds: secondsLeft(limits.deadlineAt) }), shape, output);
  return overlay === undefined ? shaped : shaped.composite([{ ...overlay.overlay, left: 0, top: 0 }]);
}
