import type { OverlayOptions } from 'sharp';
import { decodePixels } from '../../media/pixels.ts';
import { type Size, scaleSize, shorterSidePx } from '../../media/size.ts';
import type { SourceImage } from '../provider.ts';
import { captionBox, drawCaption } from './caption.ts';
import { openTemplate } from './open-picture.ts';
import type { Made, StudioOperation, StudioTask } from './operation.ts';
import { workSize } from './output.ts';
import { readChoice, readColour, readNumber, readText } from './setting-values.ts';
import { StudioFault } from './studio-fault.ts';

/** How high the strip below the photo is at least, as a share of the photo's shorter side. */
const POLAROID_STRIP = 0.2;
const CAPTION_STRIP = 0.1;
/** Capital letters against the strip they stand in. */
const CAPTION_IN_STRIP = 0.32;

/** The photo inside a frame: one drawn from settings, or a template picture with a transparent window. */
export const FRAME: StudioOperation = {
  description: { id: 'frame', name: 'Frame', needs: [], schemaRef: 'providers/studio/frame.json' },
  render: (task) => {
    const template = task.references.get('overlay_media_id')?.[0];
    if (template !== undefined) return renderTemplate(task, template);
    if (task.settings.overlay_media_id !== undefined) {
      throw new StudioFault('The frame picture named by overlay_media_id is not there.');
    }
    return renderBorder(task);
  },
};

/**
 * The template gives the result its shape and size, since it was drawn for one print; the photo fills it from edge to edge
 * and shows where the template is transparent.
 */
async function renderTemplate({ settings, photo, limits, planFor }: StudioTask, source: SourceImage): Promise<Made> {
  const template = await openTemplate(source, limits);
  if (!template.hasAlpha) throw new StudioFault('The frame picture has no transparency: it would hide the photo.');
  const shape = planFor(template.size);
  const size = workSize(template.size, shape);
  const { widthPx: width, heightPx: height } = size;
  const { overlay } = await decodePixels(template.pipeline().resize({ width, height, fit: 'fill' }));
  limits.signal.throwIfAborted();
  const stripPx = Math.min(height, Math.ceil(Math.min(width, height) * CAPTION_STRIP));
  const caption = captionOverlay(settings, { left: 0, top: height - stripPx, widthPx: width, heightPx: stripPx });
  const filled = photo.pipeline().resize({ width, height, fit: 'cover' });
  return { pipeline: filled.composite([{ ...overlay, left: 0, top: 0 }, ...caption]), size, shape };
}

function renderBorder({ settings, photo, planFor }: StudioTask): Made {
  const border = measureBorder(photo.size, settings);
  const shape = planFor(border.whole);
  const plan = planBorder(photo.size, border, Math.min(1, shape.factor));
  const { widthPx: width, heightPx: height } = plan.photo;
  const framed = photo
    .pipeline()
    .resize({ width, height, fit: 'fill' })
    .extend({
      top: plan.borderPx,
      left: plan.borderPx,
      right: plan.borderPx,
      bottom: plan.stripPx,
      background: readColour(settings, 'color', '#ffffff'),
    });
  const caption = captionOverlay(settings, {
    left: 0,
    top: plan.borderPx + height,
    widthPx: width + 2 * plan.borderPx,
    heightPx: plan.stripPx,
  });
  const size = { widthPx: width + 2 * plan.borderPx, heightPx: plan.borderPx + height + plan.stripPx };
  return { pipeline: caption.length > 0 ? framed.composite(caption) : framed, size, shape };
}

interface BorderPlan {
  readonly photo: Size;
  readonly borderPx: number;
  /** What is below the photo: the border, or the higher strip of a polaroid or a caption. */
  readonly stripPx: number;
}

interface Border {
  /** As shares of the photo's shorter side. */
  readonly border: number;
  readonly strip: number;
  /** Photo and frame together: the frame is part of the result, and of its size. */
  readonly whole: Size;
}

function measureBorder(photo: Size, settings: StudioTask['settings']): Border {
  const border = readNumber(settings, 'border_percent', 4) / 100;
  const isPolaroid = readChoice(settings, 'style', ['border', 'polaroid'], 'border') === 'polaroid';
  const isCaptioned = readText(settings, 'caption', '') !== '';
  const strip = Math.max(border, isPolaroid ? POLAROID_STRIP : 0, isCaptioned ? CAPTION_STRIP : 0);
  const sidePx = shorterSidePx(photo);
  const whole = { widthPx: photo.widthPx + 2 * border * sidePx, heightPx: photo.heightPx + (border + strip) * sidePx };
  return { border, strip, whole };
}

function planBorder(photo: Size, { border, strip }: Border, factor: number): BorderPlan {
  const scaled = scaleSize(photo, factor);
  const scaledSidePx = shorterSidePx(scaled);
  return { photo: scaled, borderPx: Math.floor(border * scaledSidePx), stripPx: Math.floor(strip * scaledSidePx) };
}

interface Strip extends Size {
  readonly left: number;
  readonly top: number;
}

function captionOverlay(settings: StudioTask['settings'], strip: Strip): OverlayOptions[] {
  const text = readText(settings, 'caption', '');
  if (text === '' || strip.heightPx < 1) return [];
  const capHeightPx = strip.heightPx * CAPTION_IN_STRIP;
  const box = captionBox(text, capHeightPx, strip.widthPx * 0.92);
  const heightPx = Math.min(box.heightPx, strip.heightPx);
  const input = drawCaption(
    text,
    { widthPx: box.widthPx, heightPx },
    {
      capHeightPx,
      colour: readColour(settings, 'caption_color', '#222222'),
      opacity: 1,
      isOutlined: false,
    },
  );
  const left = strip.left + Math.floor((strip.widthPx - box.widthPx) / 2);
  return [{ input, left, top: strip.top + Math.floor((strip.heightPx - heightPx) / 2) }];
}
