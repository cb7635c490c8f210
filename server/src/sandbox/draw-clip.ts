import { writeFile } from 'node:fs/promises';
import h264 from 'h264-mp4-encoder';
import type { ClipSpec } from '../core/media-port.ts';
import { drawBadge } from './art/badge.ts';
import type { Canvas } from './art/canvas.ts';
import { seededRandom } from './art/seeded.ts';
import { drawScene } from './draw-picture.ts';

/** The picture is larger than the video by this much, so that there is room to move. */
const ROOM = 1.25;
/** The encoder's own scale: 10 is the finest, 51 the coarsest. */
const QUANTIZATION = 27;
/** The encoder's quickest is 10. */
const SPEED = 9;
/** One bright line at the lower edge shows how far the video is. */
const PROGRESS_SHARE = 0.008;
const PROGRESS_COLOUR = [255, 186, 73] as const;

/** Draws a video: a window that wanders over a picture and closes in, with the badge standing still. */
export async function drawClip(spec: ClipSpec, to: string): Promise<void> {
  const { width, height, seed } = spec.picture;
  const scene = await drawScene({
    ...spec.picture,
    width: Math.round(width * ROOM),
    height: Math.round(height * ROOM),
  });
  const frames = Math.max(1, Math.round(spec.seconds * spec.framesPerSecond));
  const move = moveFor(seed);
  const encoder = await h264.createH264MP4Encoder();
  try {
    Object.assign(encoder, {
      width,
      height,
      frameRate: spec.framesPerSecond,
      quantizationParameter: QUANTIZATION,
      speed: SPEED,
      groupOfPictures: spec.framesPerSecond * 2,
    });
    encoder.initialize();
    for (let index = 0; index < frames; index += 1) {
      const done = frames === 1 ? 0 : index / (frames - 1);
      const frame = windowOf(scene, { width, height }, move(done));
      drawBadge(frame, spec.picture);
      drawProgress(frame, (index + 1) / frames);
      encoder.addFrameRgba(withAlpha(frame.rgb));
    }
    encoder.finalize();
    await writeFile(to, encoder.FS.readFile(encoder.outputFilename));
  } finally {
    encoder.delete();
  }
}

/** Where the window stands: its centre from 0 to 1 of the free room, and its size as a share of the largest. */
interface Window {
  x: number;
  y: number;
  zoom: number;
}

/** A way for the window, by its share of the time: from one side to the other, closing in or drawing back. */
function moveFor(seed: number): (done: number) => Window {
  const random = seededRandom(seed);
  const [left, top, closesIn] = [random() < 0.5, random(), random() < 0.5];
  return (done) => {
    // Starts and ends softly.
    const way = done * done * (3 - 2 * done);
    return { x: left ? way : 1 - way, y: top + (0.5 - top) * way, zoom: 1 - 0.12 * (closesIn ? way : 1 - way) };
  };
}

/** The window's content at the size of the video; pixels between pixels are mixed, so that slow moves do not shake. */
function windowOf(scene: Canvas, size: { width: number; height: number }, { x, y, zoom }: Window): Canvas {
  const [wide, high] = [size.width * zoom, size.height * zoom];
  const [left, top] = [x * (scene.width - wide - 1), y * (scene.height - high - 1)];
  const rgb = new Uint8Array(size.width * size.height * 3);
  const { rgb: source, width: stride } = scene;
  let at = 0;
  for (let row = 0; row < size.height; row += 1) {
    const sourceY = top + row * zoom;
    const whole = Math.floor(sourceY);
    const below = sourceY - whole;
    for (let column = 0; column < size.width; column += 1) {
      const sourceX = left + column * zoom;
      const first = Math.floor(sourceX);
      const beside = sourceX - first;
      const corner = (whole * stride + first) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        const here = corner + channel;
        const under = here + stride * 3;
        const upper = (source[here] ?? 0) * (1 - beside) + (source[here + 3] ?? 0) * beside;
        const lower = (source[under] ?? 0) * (1 - beside) + (source[under + 3] ?? 0) * beside;
        rgb[at] = upper + (lower - upper) * below;
        at += 1;
      }
    }
  }
  return { ...size, rgb };
}

function drawProgress({ rgb, width, height }: Canvas, share: number): void {
  const lines = Math.max(2, Math.round(height * PROGRESS_SHARE));
  const columns = Math.round(width * share);
  for (let row = height - lines; row < height; row += 1) {
    for (let column = 0; column < columns; column += 1) rgb.set(PROGRESS_COLOUR, (row * width + column) * 3);
  }
}

function withAlpha(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from] ?? 0;
    rgba[to + 1] = rgb[from + 1] ?? 0;
    rgba[to + 2] = rgb[from + 2] ?? 0;
  }
  return rgba;
}
