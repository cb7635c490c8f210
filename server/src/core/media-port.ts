export type MediaKind = 'image' | 'video' | 'audio';
/** What a provider delivers: something to see or hear, or what a training has made. */
export type ResultKind = MediaKind | 'weights';
export type ImageFormat = 'jpg' | 'png' | 'webp' | 'gif';

export interface MediaFacts {
  kind: ResultKind;
  /** The exact type found in the bytes, e.g. `image/jpeg`. */
  contentType: string;
  /** The usual file ending without dot: jpg, png, webp, gif, mp4, webm, mov, mp3, wav, ogg, m4a, safetensors. */
  extension: string;
  sizeBytes: number;
  sha256: string;
  width: number | null;
  height: number | null;
  /** How long it plays, as its container says; null for pictures and where nothing tells. */
  seconds: number | null;
  /** Of a sound whose peaks were asked for: 200 numbers, the loudest sample of each part in percent of full scale. */
  peaks?: number[];
  /** Carries a C2PA manifest or another signed provenance: its bytes must not be touched. */
  hasSignedProvenance: boolean;
  /** The IPTC digitalSourceType in its XMP, e.g. `trainedAlgorithmicMedia`, or null. */
  digitalSourceType: string | null;
}

export type MediaProblem =
  | 'empty'
  | 'unsupported-type'
  | 'too-many-pixels'
  | 'damaged'
  | 'too-slow'
  | 'crashed'
  | 'no-tool';

export type MediaResult<T> = { ok: true; value: T } | { ok: false; problem: MediaProblem; detail: string };

/** A picture the sandbox draws. Every documented parameter must be visible in the result. */
export interface DrawSpec {
  prompt: string;
  seed: number;
  width: number;
  height: number;
  format: ImageFormat;
  /** 1 to 100; jpg and webp. */
  quality: number;
  raw: boolean;
  /** A local file to blend in, with its strength 0 to 1. */
  imagePrompt: { path: string; strength: number } | null;
  /** Further local reference files, shown as small tiles. */
  inputImages: string[];
  /** An edit of an existing picture: white of the mask (or the enlarged frame) is repainted. */
  edit: { imagePath: string; maskPath: string | null; mode: 'inpaint' | 'outpaint'; outpaint: string | null } | null;
  /** The word on the badge, e.g. `sandbox`. */
  badge: string;
}

/** Several pictures as one, two by two. */
export interface GridSpec {
  what: 'grid';
  /** Local files of equal size. */
  pictures: string[];
  format: ImageFormat;
}

/** A short video without sound: a slow move over a picture. */
export interface ClipSpec {
  what: 'clip';
  /** What is moved over; its sides are those of the video, in even numbers. */
  picture: DrawSpec;
  seconds: number;
  framesPerSecond: number;
}

/** A piece of music for one instrument. */
export interface SongSpec {
  what: 'song';
  prompt: string;
  seed: number;
  seconds: number;
  format: 'mp3' | 'wav';
  /** Samples in a second. */
  hertz: number;
}

/** Stand-ins for what a training makes: they say where they come from, and change nothing in a picture. */
export interface WeightsSpec {
  what: 'weights';
  seed: number;
  /** Written into the file’s head. */
  notes: Readonly<Record<string, string>>;
}

/** Whatever the sandbox can make. */
export type Drawing = DrawSpec | GridSpec | ClipSpec | SongSpec | WeightsSpec;

/** Picture work, done in a separate limited process: hostile files never decode in the API process. */
export interface MediaPort {
  /** Sniffs, decodes fully (so truncation shows), hashes. With `peaks` a sound is also heard, where it can be. */
  inspect(path: string, options?: { peaks: boolean }): Promise<MediaResult<MediaFacts>>;
  /** Re-encodes a picture into another format or quality, keeping XMP; writes `to`. */
  convert(options: {
    from: string;
    to: string;
    format: ImageFormat;
    quality: number;
    /** The longer side is brought down to so many pixels; as it is where absent. */
    sideMax?: number;
  }): Promise<MediaResult<MediaFacts>>;
  /** Writes a copy with the IPTC digitalSourceType in its XMP, without re-encoding pixels; refuses files with signed provenance. */
  mark(options: {
    from: string;
    to: string;
    digitalSourceType: string;
    creatorTool: string;
  }): Promise<MediaResult<MediaFacts>>;
  /** Draws what the sandbox gives out into `to`. */
  draw(drawing: Drawing, to: string): Promise<MediaResult<MediaFacts>>;
  /**
   * Says that work will come: what takes long to start is started now and kept until the returned function is
   * called (once). Nothing fails without it; the first results are then taken in while processes start.
   */
  expect(): () => void;
  close(): Promise<void>;
}
