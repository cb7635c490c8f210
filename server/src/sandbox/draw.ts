import type { Drawing } from '../core/media-port.ts';
import { drawPicture } from './draw-picture.ts';

/**
 * Draws whatever the sandbox gives out into the file `to`; the entry of the picture process. What few drawings need is
 * loaded when the first of them comes.
 */
export async function draw(drawing: Drawing, to: string): Promise<void> {
  if (!('what' in drawing)) return drawPicture(drawing, to);
  switch (drawing.what) {
    case 'grid':
      return (await import('./draw-grid.ts')).drawGrid(drawing, to);
    case 'clip':
      return (await import('./draw-clip.ts')).drawClip(drawing, to);
    case 'weights':
      return (await import('./draw-weights.ts')).drawWeights(drawing, to);
    case 'song':
      return (await import('./draw-song.ts')).drawSong(drawing, to);
  }
}
