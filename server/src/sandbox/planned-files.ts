import type { OutputRole } from '../core/outcome.ts';
import { askedPictures } from './asked-pictures.ts';
import { askedClip } from './asked-clip.ts';
import { askedSong } from './asked-song.ts';
import type { StartRequest } from './generation.ts';

/** One file that a generation makes; the first one has position 1. */
export interface PlannedFile {
  position: number;
  extension: string;
  role: OutputRole;
  /** The file's own name, where it is one part of a song. */
  track?: string;
}

/** The parts that a song is taken apart into. */
const STEMS = ['vocals', 'instrumental'] as const;

/** What a generation makes, by its operation. */
export function kindOf({ operation }: Pick<StartRequest, 'operation'>): 'pictures' | 'clips' | 'songs' | 'weights' {
  if (operation === 'loras') return 'weights';
  if (operation.startsWith('videos/')) return 'clips';
  return operation.startsWith('music/') ? 'songs' : 'pictures';
}

/** Every file of a generation: its results, and after them the grid of all pictures or the songs' covers. */
export function plannedFiles(request: StartRequest): PlannedFile[] {
  switch (kindOf(request)) {
    case 'pictures': {
      const { count, format: extension } = askedPictures(request.input);
      const pictures = several(count, { extension, role: 'result' });
      if (request.input['grid'] !== true) return pictures;
      return [...pictures, { position: count + 1, extension, role: 'grid' }];
    }
    case 'weights':
      return several(1, { extension: 'safetensors', role: 'result' });
    case 'clips':
      return several(askedClip(request).count, { extension: 'mp4', role: 'result' });
    case 'songs': {
      const { count, format: extension } = askedSong(request);
      if (request.input['stems'] === true) {
        return STEMS.map((track, index) => ({ position: index + 1, extension, role: 'result', track }));
      }
      return [
        ...several(count, { extension, role: 'result' }),
        ...several(count, { extension: 'jpg', role: 'cover' }, count),
      ];
    }
  }
}

function several(count: number, file: Omit<PlannedFile, 'position'>, after = 0): PlannedFile[] {
  return Array.from({ length: count }, (_, index) => ({ ...file, position: after + index + 1 }));
}
