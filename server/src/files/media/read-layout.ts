import type { ImageFormat } from '../../core/media-port.ts';
import { readGifLayout } from './gif-layout.ts';
import { readJpegLayout } from './jpeg-layout.ts';
import type { LayoutResult } from './picture-layout.ts';
import { readPngLayout } from './png-layout.ts';
import { readWebpLayout } from './webp-layout.ts';

const READERS: Record<ImageFormat, (bytes: Buffer) => LayoutResult> = {
  jpg: readJpegLayout,
  png: readPngLayout,
  webp: readWebpLayout,
  gif: readGifLayout,
};

/** How the picture's bytes are laid out; not ok when the file is cut, garbled, or something follows its end. */
export function readLayout(format: ImageFormat, bytes: Buffer): LayoutResult {
  return READERS[format](bytes);
}
