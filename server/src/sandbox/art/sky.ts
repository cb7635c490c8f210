import { type Ink, type Palette, blend, ramp, shine } from './ink.ts';
import type { Noise } from './noise.ts';
import { clamp01, length2, mix, smooth } from './scalar.ts';

/** An evening or morning sky with one sun. */
export interface SkyLook {
  aspect: number;
  /** From the zenith down to the horizon. */
  colours: Palette;
  /** The horizon's height in the picture. */
  horizon: number;
  sunU: number;
  sunV: number;
  /** Radius in picture heights; 0 hides the disc. */
  sunSize: number;
  sunColour: Ink;
  cloudShade: Ink;
  cloudLight: Ink;
  /** 0 clear to 1 overcast. */
  clouds: number;
}

export interface Sky {
  /** Writes the sky at (u, v), v above the horizon. */
  paint(u: number, v: number, ink: Ink): void;
  /** Writes the sky without disc and clouds: what fog and water take their colour from. */
  paintPlain(u: number, v: number, ink: Ink): void;
}

export function createSky(look: SkyLook, noise: Noise): Sky {
  const { aspect, horizon, sunU, sunV, sunSize } = look;

  function paintPlain(u: number, v: number, ink: Ink): void {
    ramp(ink, look.colours, v / horizon);
    const distance = length2((u - sunU) * aspect, v - sunV);
    shine(ink, look.sunColour, 0.62 * Math.exp(-distance * 6.5) + 0.25 * Math.exp(-distance * 22));
  }

  function paint(u: number, v: number, ink: Ink): void {
    paintPlain(u, v, ink);
    const distance = length2((u - sunU) * aspect, v - sunV);
    if (sunSize > 0) shine(ink, look.sunColour, 4 * smooth(sunSize + 0.0015, sunSize - 0.0015, distance));
    if (look.clouds > 0) paintClouds(u, v, distance, ink);
  }

  /** Clouds lie on a plane overhead, so that they crowd together towards the horizon. */
  function paintClouds(u: number, v: number, distance: number, ink: Ink): void {
    const far = 1 / (horizon - v + 0.16);
    const x = (u - 0.5) * aspect * far * 0.9 + 31;
    const y = far * 1.9 + 7;
    const cover = mix(0.66, 0.4, look.clouds);
    const here = noise.fbm(x, y, 5);
    const density = smooth(cover, cover + 0.2, here);
    if (density <= 0.002) return;
    // The same cloud a little nearer the sun: thinner there means that this edge is lit.
    const lit = clamp01(0.35 + (here - noise.fbm(x + (sunU - u) * 0.35, y + 0.22, 4)) * 5);
    const near = Math.exp(-distance * 2.6);
    const r = mix(look.cloudShade.r, look.cloudLight.r * (0.75 + near), lit);
    const g = mix(look.cloudShade.g, look.cloudLight.g * (0.75 + near), lit);
    const b = mix(look.cloudShade.b, look.cloudLight.b * (0.75 + near), lit);
    const share = density * 0.8 * smooth(0, 0.07, horizon - v);
    ink.r = mix(ink.r, r, share);
    ink.g = mix(ink.g, g, share);
    ink.b = mix(ink.b, b, share);
  }

  return { paint, paintPlain };
}

/** Lays haze over the ink: the far end of a landscape melts into the sky. */
export function haze(ink: Ink, air: Ink, distance: number, thickness: number): void {
  blend(ink, air, 1 - Math.exp(-distance * thickness));
}
