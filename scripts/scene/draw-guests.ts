import { drawPerson } from './draw-person.ts';
import type { Random } from './random.ts';

/** How high a head is, in the units of a drawn person. */
const HEAD_UNITS = 140;

/** A row of guests under a string of bulbs, with a transparent background, as an SVG of the given size. */
export function drawGuests(widthPx: number, heightPx: number, random: Random): string {
  const count = Math.max(2, Math.min(5, Math.round((3 * widthPx) / heightPx - 0.5)));
  const scale = Math.min(heightPx * 0.3, (widthPx / count) * 0.62) / HEAD_UNITS;
  const guests = Array.from({ length: count }, (_, at) => {
    const x = (widthPx * (at + 0.5)) / count + widthPx * random.between(-0.02, 0.02);
    const y = heightPx * random.between(0.46, 0.58);
    const { defs, shape } = drawPerson(`g${at}`, random);
    return {
      y,
      defs,
      shape: `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${scale.toFixed(4)})">${shape}</g>`,
    };
  });
  const backToFront = guests.toSorted((one, other) => one.y - other.y).map(({ shape }) => shape);
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}">` +
    `<defs>${guests.map(({ defs }) => defs).join('')}` +
    '<radialGradient id="edge" cx="0.5" cy="0.48" r="0.75"><stop offset="0.55" stop-color="#000" stop-opacity="0"/><stop offset="1" stop-color="#05030c" stop-opacity="0.62"/></radialGradient>' +
    '<radialGradient id="glow"><stop offset="0" stop-color="#fff3d0"/><stop offset="0.25" stop-color="#ffd27d" stop-opacity="0.75"/><stop offset="1" stop-color="#ffb25b" stop-opacity="0"/></radialGradient></defs>' +
    `${bulbs(widthPx, heightPx, random)}${backToFront.join('')}<rect width="100%" height="100%" fill="url(#edge)"/></svg>`
  );
}

function bulbs(widthPx: number, heightPx: number, random: Random): string {
  const side = Math.min(widthPx, heightPx);
  const sag = heightPx * random.between(0.1, 0.16);
  const height = (x: number): number => heightPx * 0.05 + sag * (1 - (2 * (x / widthPx) - 1) ** 2);
  const count = 13;
  const hanging = Array.from({ length: count }, (_, at) => {
    const x = (widthPx * (at + 0.5)) / count;
    const y = height(x) + side * 0.018;
    const place = `cx="${x.toFixed(1)}" cy="${y.toFixed(1)}"`;
    return `<circle ${place} r="${(side * 0.045).toFixed(1)}" fill="url(#glow)"/><circle ${place} r="${(side * 0.011).toFixed(1)}" fill="#fffbe8"/>`;
  });
  const middle = heightPx * 0.05 + 2 * sag;
  const wire = `M0 ${(heightPx * 0.05).toFixed(1)}Q${widthPx / 2} ${middle.toFixed(1)} ${widthPx} ${(heightPx * 0.05).toFixed(1)}`;
  return `<path d="${wire}" fill="none" stroke="#120c14" stroke-width="${(side * 0.004).toFixed(1)}"/>${hanging.join('')}`;
}
