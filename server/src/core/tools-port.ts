import type { MediaFacts, MediaResult } from './media-port.ts';

/** Makes a picture at `to`, as PNG, out of the one at `from`. An aborted signal ends the work at once: the result then says `crashed`. */
export type PictureTool = (
  picture: { from: string; to: string },
  signal: AbortSignal,
) => Promise<MediaResult<MediaFacts>>;

/** Work on pictures that takes a network and minutes, done in a limited process of its own. */
export interface PictureTools {
  /** Why nothing of it works on this machine, in words for the operator; null while nothing speaks against it. */
  problem(): string | null;
  /** Sides twice as long. Some 65 seconds of one core for a megapixel; at most `DOUBLED_PIXELS_MAX` pixels go in. */
  double: PictureTool;
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

/** Takes the background away, by a program that the operator has named: it says what stays, and we cut. */
export interface BackgroundRemover {
  /** Why it cannot be used, in words for the operator; null while nothing speaks against it. */
  problem(): string | null;
  /**
   * The picture upright with what belongs to the background transparent; at most `CUT_PIXELS_MAX` pixels go in. One picture
   * at a time, the rest waits. Failures of the program are `no-tool`, `crashed` and `too-slow`, with the reason in words.
   */
  cut: PictureTool;
  close(): Promise<void>;
}

/** A picture of a 24-megapixel camera. Its cut-out, four bytes a pixel, stays below what is taken for a picture file. */
export const CUT_PIXELS_MAX = 25_000_000;
