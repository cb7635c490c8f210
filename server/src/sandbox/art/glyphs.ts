/**
 * A small alphabet of strokes, made for the badge: SVG text cannot be used where pictures are drawn.
 * Units: letters without risers stand from 2.5 to 7, risers from 0, tails to 9. A dot is a stroke without length.
 * `M x y` starts a stroke, `L x y` draws straight, `Q cx cy x y` curves, `E cx cy rx ry from to` is part of an
 * ellipse in degrees, clockwise from the right.
 */
export interface Glyph {
  width: number;
  path: string;
}

const BOWL = 'E 2 4.75 2 2.25 0 360';
const ARCH = 'M 0 4.6 Q 0.3 2.5 2.1 2.5 Q 3.9 2.5 3.9 4.6 L 3.9 7';

export const GLYPHS: Readonly<Record<string, Glyph>> = {
  a: { width: 4, path: `${BOWL} M 4 2.5 L 4 7` },
  b: { width: 4, path: `${BOWL} M 0 0 L 0 7` },
  c: { width: 3.7, path: 'E 2 4.75 2 2.25 -42 -318' },
  d: { width: 4, path: `${BOWL} M 4 0 L 4 7` },
  e: { width: 4, path: 'M 0.1 4.8 L 4 4.8 E 2 4.75 2 2.25 0 -312' },
  f: { width: 2.8, path: 'M 1 7 L 1 1.8 Q 1 0 2.8 0.1 M 0 2.6 L 2.6 2.6' },
  g: { width: 4, path: `${BOWL} M 4 2.5 L 4 7.1 Q 4 9 2 9 Q 1 9 0.4 8.5` },
  h: { width: 3.9, path: `M 0 0 L 0 7 ${ARCH}` },
  i: { width: 0, path: 'M 0 2.5 L 0 7 M 0 0.6 L 0 0.6' },
  j: { width: 1, path: 'M 1 2.5 L 1 7.6 Q 1 9 -0.3 8.9 M 1 0.6 L 1 0.6' },
  k: { width: 3.6, path: 'M 0 0 L 0 7 M 3.3 2.5 L 0 5.3 M 1.3 4.3 L 3.6 7' },
  l: { width: 0, path: 'M 0 0 L 0 7' },
  m: {
    width: 6,
    path: 'M 0 2.5 L 0 7 M 0 4.4 Q 0.2 2.5 1.6 2.5 Q 3 2.5 3 4.4 L 3 7 M 3 4.4 Q 3.2 2.5 4.6 2.5 Q 6 2.5 6 4.4 L 6 7',
  },
  n: { width: 3.9, path: `M 0 2.5 L 0 7 ${ARCH}` },
  o: { width: 4, path: BOWL },
  p: { width: 4, path: `${BOWL} M 0 2.5 L 0 9` },
  q: { width: 4, path: `${BOWL} M 4 2.5 L 4 9` },
  r: { width: 2.3, path: 'M 0 2.5 L 0 7 M 0 4.8 Q 0.2 2.5 2.3 2.6' },
  s: {
    width: 3.5,
    path: 'M 3.3 3.2 Q 2.8 2.5 1.8 2.5 Q 0.2 2.5 0.2 3.6 Q 0.2 4.5 1.8 4.7 Q 3.5 5 3.5 5.9 Q 3.5 7 1.8 7 Q 0.6 7 0 6.2',
  },
  t: { width: 2.6, path: 'M 1 0.9 L 1 5.6 Q 1 7 2.5 6.9 M 0 2.6 L 2.5 2.6' },
  u: { width: 3.9, path: 'M 0 2.5 L 0 5 Q 0 7 1.9 7 Q 3.6 7 3.9 4.9 M 3.9 2.5 L 3.9 7' },
  v: { width: 3.6, path: 'M 0 2.5 L 1.8 7 L 3.6 2.5' },
  w: { width: 5.6, path: 'M 0 2.5 L 1.4 7 L 2.8 2.9 L 4.2 7 L 5.6 2.5' },
  x: { width: 3.5, path: 'M 0 2.5 L 3.5 7 M 3.5 2.5 L 0 7' },
  y: { width: 3.7, path: 'M 0 2.5 L 1.9 7 M 3.7 2.5 L 1.6 7.9 Q 1.2 9 -0.1 8.9' },
  z: { width: 3.4, path: 'M 0 2.5 L 3.4 2.5 L 0 7 L 3.4 7' },
  '0': { width: 4, path: 'E 2 3.5 2 3.5 0 360' },
  '1': { width: 1.7, path: 'M 0 1.5 L 1.7 0 L 1.7 7' },
  '2': { width: 4, path: 'M 0.1 1.9 Q 0.2 0 2 0 Q 3.9 0 3.9 1.9 Q 3.9 3.1 2.4 4.6 L 0 7 L 4 7' },
  '3': {
    width: 3.9,
    path: 'M 0.2 1 Q 0.8 0 2 0 Q 3.7 0 3.7 1.7 Q 3.7 3.3 1.6 3.3 Q 3.9 3.3 3.9 5.1 Q 3.9 7 2 7 Q 0.6 7 0 5.8',
  },
  '4': { width: 4, path: 'M 3 7 L 3 0 L 0 5 L 4 5' },
  '5': { width: 4, path: 'M 3.6 0 L 0.6 0 L 0.3 3.2 Q 1 2.6 2 2.6 Q 4 2.6 4 4.8 Q 4 7 2 7 Q 0.6 7 0 5.9' },
  '6': { width: 4, path: 'E 2 4.9 2 2.1 0 360 M 3.2 0 Q 0.2 1.6 0 4.9' },
  '7': { width: 3.8, path: 'M 0 0 L 3.8 0 L 1.2 7' },
  '8': { width: 4, path: 'E 2 1.7 1.7 1.7 0 360 E 2 5.2 2 1.8 0 360' },
  '9': { width: 4, path: 'E 2 2.1 2 2.1 0 360 M 4 2.1 Q 3.8 5.4 0.8 7' },
  '.': { width: 0, path: 'M 0 7 L 0 7' },
  ':': { width: 0, path: 'M 0 3.6 L 0 3.6 M 0 6.8 L 0 6.8' },
  '·': { width: 0, path: 'M 0 4.6 L 0 4.6' },
  '-': { width: 2.2, path: 'M 0 4.6 L 2.2 4.6' },
  _: { width: 3, path: 'M 0 7.6 L 3 7.6' },
  '/': { width: 2.6, path: 'M 0 8 L 2.6 -0.4' },
  '+': { width: 3.2, path: 'M 0 4.6 L 3.2 4.6 M 1.6 3 L 1.6 6.2' },
  ' ': { width: 0.9, path: '' },
};
