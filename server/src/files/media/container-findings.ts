/** Reads bytes of a file at an offset; fewer come back only at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** What a container tells beyond its type. */
export interface ContainerFindings {
  width: number | null;
  height: number | null;
  hasSignedProvenance: boolean;
  digitalSourceType: string | null;
  /** An MP4 with sound tracks alone is an audio file, whatever its brand. */
  isAudioOnly: boolean;
}

export type ContainerResult = { ok: true; value: ContainerFindings } | { ok: false; detail: string };

/** Facts of a container that tells nothing. */
export const NO_FINDINGS: ContainerFindings = {
  width: null,
  height: null,
  hasSignedProvenance: false,
  digitalSourceType: null,
  isAudioOnly: false,
};
