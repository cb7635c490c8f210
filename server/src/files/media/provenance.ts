import { blockData } from './picture-layout.ts';
import type { PictureLayout } from './picture-layout.ts';
import { pointsToManifest } from './xmp-packet.ts';

/** The box of an MP4, MOV or M4A file that holds a C2PA manifest. */
export const C2PA_BOX_UUID = 'd8fec3d61b0e483c92975828877ec481';

/** Whether the picture carries a C2PA manifest, or points to one: its bytes must not be touched. */
export function hasSignedProvenance(bytes: Buffer, layout: PictureLayout, xmp: string | null): boolean {
  return hasManifest(bytes, layout) || (xmp !== null && pointsToManifest(xmp));
}

function hasManifest(bytes: Buffer, layout: PictureLayout): boolean {
  switch (layout.format) {
    case 'jpg':
      // The manifest is a JUMBF box labelled `c2pa`, cut into APP11 segments; the label is in the first.
      return layout.blocks.some(
        (block) => block.type === 'FFEB' && blockData(bytes, block).includes('c2pa', 0, 'latin1'),
      );
    case 'png':
      return layout.blocks.some((block) => block.type === 'caBX');
    case 'webp':
      return layout.blocks.some((block) => block.type === 'C2PA');
    case 'gif':
      return layout.blocks.some((block) => block.type.startsWith('C2PA_GIF'));
  }
}
