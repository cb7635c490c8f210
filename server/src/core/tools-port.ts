import type { MediaFacts, MediaResult } from './media-port.ts';

/** Work on pictures that takes a network and minutes, done in a limited process of its own. */
export interface PictureTools {
  /** Why nothing of it works on this machine, in words for the operator; null while nothing speaks against it. */
  problem(): string | null;
  /**
   * Writes the picture with sides twice as long to `to`, as PNG. Some 65 seconds of one core for a megapixel; at most
   * `DOUBLED_PIXELS_MAX` pixels go in. An aborted signal ends the process at once: the result then says `crashed`.
   */
  double(picture: { from: string; to: string }, signal: AbortSignal): Promise<MediaResult<MediaFacts>>;
  close(): Promise<void>;
}

/** A full HD picture goes in, and takes some two minutes of one core. */
export const DOUBLED_PIXELS_MAX = 2_100_000;
