import type { Random } from './random.ts';

const SKIES = [
  ['#0b1437', '#4b2a63', '#c8553d', '#f2a65a'],
  ['#06283d', '#1f5f7a', '#c77d5b', '#ffd3a1'],
  ['#1a1033', '#5b2a6e', '#d45d79', '#f9c784'],
] as const;
const LIGHTS = ['#ffd27d', '#ffb25b', '#ff8f6b', '#ffe9c2', '#8fd3ff', '#ff9ec7'] as const;

/**
 * An evening sky full of lights out of focus, as an SVG of the given size. It is meant to be drawn small, blurred and enlarged:
 * that is what a wide-open lens does to a background.
 */
export function drawBackdrop(widthPx: number, heightPx: number, random: Random): string {
  const sky = random
    .pick(SKIES)
    .map((colour, at, all) => `<stop offset="${at / (all.length - 1)}" stop-color="${colour}"/>`);
  const side = Math.min(widthPx, heightPx);
  const lights = Array.from({ length: 70 }, () => {
    const x = random.between(0, widthPx);
    const y = heightPx * random.between(0, 1) ** 0.8;
    const radius = side * random.between(0.008, 0.055);
    const opacity = random.between(0.12, 0.6);
    const colour = random.pick(LIGHTS);
    const at = `cx="${x.toFixed(1)}" cy="${y.toFixed(1)}"`;
    return (
      `<circle ${at} r="${radius.toFixed(1)}" fill="${colour}" opacity="${(opacity * 0.75).toFixed(2)}"/>` +
      `<circle ${at} r="${(radius * 0.93).toFixed(1)}" fill="none" stroke="${colour}" stroke-width="${(radius * 0.12).toFixed(2)}" opacity="${opacity.toFixed(2)}"/>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPx}" height="${heightPx}">` +
    `<defs><linearGradient id="sky" x1="0.1" y1="0" x2="0" y2="1">${sky.join('')}</linearGradient></defs>` +
    `<rect width="100%" height="100%" fill="url(#sky)"/>${lights.join('')}</svg>`
  );
}
