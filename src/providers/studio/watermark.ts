import type { OverlayOptions } from 'sharp';
import { applyShape } from '../../media/apply-shape.ts';
import { decodePixels } from '../../media/pixels.ts';
import { type Size, shorterSidePx } from '../../media/size.ts';
import { captionBox, drawCaption } from './caption.ts';
import { openTemplate } from './open-picture.ts';
import type { Made, StudioOperation, StudioTask } from './operation.ts';
import { readChoice, readColour, readNumber, readText } from './setting-values.ts';
import { StudioFault } from './studio-fault.ts';

const POSITIONS = ['bottom_right', 'bottom', 'bottom_left', 'top_right', 'top', 'top_left', 'centre'] as const;
/** The space kept to the edges, as a share of the shorter side, so that a print cut a little short keeps its mark. */
const MARGIN = 0.03;
/** Capital letters against the height of their line, edge included. */
const CAPITALS_IN_LINE = 0.5;

interface Mark extends Size {
  readonly overlay: Pick<OverlayOptions, 'input' | 'raw'>;
}

/** A line of text or a picture over the photo. */
export const WATERMARK: StudioOperation = {
  description: { id: 'watermark', name: 'Watermark', needs: [], schemaRef: 'providers/studio/watermark.json' },
  render,
};

/** The mark is measured to the finished picture, so that no later step cuts it off. */
async function render(task: StudioTask): Promise<Made> {
  const { settings, photo, limits, output } = task;
  const shape = task.planFor(photo.size);
  const { size } = shape;
  const pipeline = applyShape(photo.pipeline(), shape, output);
  const marginPx = Math.floor(shorterSidePx(size) * MARGIN);
  const room = { widthPx: size.widthPx - 2 * marginPx, heightPx: size.heightPx - 2 * marginPx };
  const heightPx = Math.max(1, Math.round((shorterSidePx(room) * readNumber(settings, 'size_percent', 6)) / 100));
  const mark = await drawMark(task, { widthPx: room.widthPx, heightPx });
  if (mark === undefined) return { pipeline, size, shape };
  limits.signal.throwIfAborted();
  const position = readChoice(settings, 'position', POSITIONS, 'bottom_right');
  const placed = { ...mark.overlay, ...place(position, size, mark, marginPx) };
  return { pipeline: pipeline.composite([placed]), size, shape };
}

/** The picture where there is one, else the text, no larger than `room`; nothing where the text’s variables left nothing of it. */
function drawMark(task: StudioTask, room: Size): Promise<Mark> | Mark | undefined {
  const { settings, references } = task;
  if (references.has('watermark_media_id')) return pictureMark(task, room);
  if (settings.watermark_media_id !== undefined) {
    throw new StudioFault('The picture named by watermark_media_id is not there.');
  }
  const text = readText(settings, 'text', '').trim();
  return text === '' ? undefined : textMark(task, text, room);
}

function textMark({ settings }: StudioTask, text: string, room: Size): Mark {
  const capHeightPx = room.heightPx * CAPITALS_IN_LINE;
  const box = captionBox(text, capHeightPx, room.widthPx);
  const size = { widthPx: box.widthPx, heightPx: Math.min(box.heightPx, room.heightPx) };
  const input = drawCaption(text, size, {
    capHeightPx,
    colour: readColour(settings, 'color', '#ffffff'),
    opacity: readNumber(settings, 'opacity', 0.7),
    isOutlined: true,
  });
  return { ...size, overlay: { input } };
}

async function pictureMark({ settings, references, limits }: StudioTask, room: Size): Promise<Mark> {
  const source = references.get('watermark_media_id')?.[0];
  if (source === undefined) throw new StudioFault('The picture named by watermark_media_id is not there.');
  const template = await openTemplate(source, limits);
  const alpha = Math.round(readNumber(settings, 'opacity', 0.7) * 255);
  const veil = { input: Buffer.from([255, 255, 255, alpha]), raw: { width: 1, height: 1, channels: 4 as const } };
  const faded = template
    .pipeline()
    .resize({ width: room.widthPx, height: room.heightPx, fit: 'inside' })
    .ensureAlpha()
    .composite([{ ...veil, tile: true, blend: 'dest-in' }]);
  return decodePixels(faded);
}

function place(position: (typeof POSITIONS)[number], photo: Size, mark: Size, marginPx: number) {
  const farLeft = photo.widthPx - mark.widthPx;
  const farTop = photo.heightPx - mark.heightPx;
  let left = farLeft / 2;
  if (position.endsWith('left')) left = marginPx;
  if (position.endsWith('right')) left = farLeft - marginPx;
  let top = farTop / 2;
  if (position.startsWith('top')) top = marginPx;
  if (position.startsWith('bottom')) top = farTop - marginPx;
  return { left: Math.max(0, Math.floor(left)), top: Math.max(0, Math.floor(top)) };
}
