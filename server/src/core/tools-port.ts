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
  /**
   * Paints words into `to`, as PNG, with networks that the operator has fetched. Files whose SHA-256 is another one end it
   * as `no-tool`, and so does a network of another form. An aborted signal ends the process at once, as above.
   */
  paint(order: PaintOrder, signal: AbortSignal): Promise<MediaResult<MediaFacts>>;
  close(): Promise<void>;
}

/** Largest seed: four bytes. */
export const SEED_MAX = 0xffff_ffff;

/** What to paint, and with what. */
export interface PaintOrder {
  prompt: string;
  /** A whole number of four bytes; the same one gives the same picture. */
  seed: number;
  to: string;
  weights: PaintWeights;
}

/** The files that painting needs, by the names under which they lie in their folder. */
export const WEIGHT_FILES = ['text_encoder.onnx', 'unet.onnx', 'vae_decoder.onnx', 'vocab.json', 'merges.txt'] as const;
export type WeightFile = (typeof WEIGHT_FILES)[number];
/** Where each file lies, and the SHA-256 that the operator accepted for it. */
export type PaintWeights = Readonly<Record<WeightFile, { path: string; sha256: string }>>;

/** A full HD picture goes in, and takes some two minutes of one core. */
export const DOUBLED_PIXELS_MAX = 2_100_000;
