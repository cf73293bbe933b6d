import type { Random } from './random.ts';

const SKINS = [
  ['#f7d3b5', '#dd9f7b'],
  ['#eebb94', '#c98a60'],
  ['#c98d62', '#95603c'],
  ['#8d5a3b', '#5e3823'],
] as const;
const HAIRS = ['#1d1512', '#3a241a', '#6b4226', '#a8703c', '#d9b26b', '#7c2f1d'] as const;
const CLOTHES = [
  ['#1f3a5f', '#0f1f38'],
  ['#7d1f3a', '#4a0f22'],
  ['#0f5c57', '#073331'],
  ['#e9dfd0', '#b9a991'],
  ['#c98a1b', '#8a5a0a'],
  ['#3d2c5e', '#21173a'],
] as const;
const HAIR_BACKS = {
  short: '',
  long: '<path d="M-62-18C-66-95 66-95 62-18C66 40 70 85 52 108C20 122-20 122-52 108C-70 85-66 40-62-18z"/>',
  bun: '<circle cy="-92" r="26"/>',
} as const;
const PROPS = {
  none: '',
  glasses:
    '<g fill="#101018" stroke="#101018" stroke-width="4"><circle cx="-21" cy="-6" r="15"/><circle cx="21" cy="-6" r="15"/>' +
    '<path d="M-8-8q8-6 16 0M-36-8l-16-6M36-8l16-6" fill="none"/></g>' +
    '<path d="M-30-12l10-4M12-12l10-4" stroke="#fff" stroke-width="3" stroke-linecap="round" opacity="0.5"/>',
  hat: '<g transform="rotate(9)"><path d="M-34-62L0-150L34-62q-34 14-68 0z" fill="#e8477a"/><path d="M-26-80q26 10 52 0M-16-106q16 7 32 0" stroke="#ffe08a" stroke-width="7" fill="none"/><circle cy="-150" r="10" fill="#ffe08a"/></g>',
} as const;

/** What is drawn for one guest; `defs` holds the gradients that `shape` refers to. */
export interface DrawnPerson {
  readonly defs: string;
  readonly shape: string;
}

/**
 * A guest from the chest up, smiling at the camera. The head's middle is at (0, 0), its height about 140 units, and the body
 * reaches far below, so that the picture's edge cuts it.
 */
export function drawPerson(id: string, random: Random): DrawnPerson {
  const [light, shade] = random.pick(SKINS);
  const [cloth, clothShade] = random.pick(CLOTHES);
  const hair = random.pick(HAIRS);
  const back = random.pick(Object.values(HAIR_BACKS));
  const prop = random.pick(Object.values(PROPS));
  const tilt = random.between(-8, 8).toFixed(1);
  const gradient = (name: string, from: string, to: string): string =>
    `<radialGradient id="${id}${name}" cx="0.38" cy="0.3" r="0.85"><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></radialGradient>`;
  const head =
    `<g fill="url(#${id}skin)"><ellipse cx="-54" cy="4" rx="9" ry="15"/><ellipse cx="54" cy="4" rx="9" ry="15"/>` +
    '<path d="M-54-14C-54-88 54-88 54-14C54 34 30 72 0 72C-30 72-54 34-54-14z"/></g>' +
    `<path d="M-58-4C-66-98 66-98 58-4C52-34 36-46 10-47C-20-45-46-38-58-4z" fill="${hair}"/>` +
    face(hair, shade) +
    prop;
  const shape =
    `<g transform="rotate(${tilt} 0 70)" fill="${hair}">${back}</g>` +
    `<path d="M-24 50h48v42q-24 22-48 0z" fill="${shade}"/>` +
    `<path d="M-30 84C-84 96-124 112-136 178L-158 700H158L136 178C124 112 84 96 30 84Q0 116-30 84z" fill="url(#${id}cloth)"/>` +
    `<path d="M-30 84Q0 116 30 84" fill="none" stroke="${clothShade}" stroke-width="5"/>` +
    `<g transform="rotate(${tilt} 0 70)">${head}</g>`;
  return { defs: gradient('skin', light, shade) + gradient('cloth', cloth, clothShade), shape };
}

function face(hair: string, shade: string): string {
  const eye = (x: number): string =>
    `<ellipse cx="${x}" cy="-4" rx="8.5" ry="6" fill="#fff"/><circle cx="${x}" cy="-4" r="5" fill="#2a1c14"/>` +
    `<circle cx="${x + 1.6}" cy="-5.8" r="1.5" fill="#fff"/>` +
    `<path d="M${x - 11}-7q11-9 22 0" stroke="#2a1c14" stroke-width="2.6" fill="none"/>` +
    `<path d="M${x - 13}-22q13-8 26 0" stroke="${hair}" stroke-width="4.5" stroke-linecap="round" fill="none"/>`;
  return (
    eye(-21) +
    eye(21) +
    `<path d="M-3 0q-7 20-1 23q6 3 10-1" stroke="${shade}" stroke-width="3.5" stroke-linecap="round" fill="none"/>` +
    '<path d="M-24 34Q0 42 24 34Q18 58 0 58Q-18 58-24 34z" fill="#6e1f2a"/><path d="M-20 36Q0 43 20 36Q18 45 0 46Q-18 45-20 36z" fill="#fff"/>' +
    '<g fill="#e0554d" opacity="0.16"><circle cx="-34" cy="22" r="13"/><circle cx="34" cy="22" r="13"/></g>'
  );
}
