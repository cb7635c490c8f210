import { NO_FINDINGS } from './container-findings.ts';
import type { ContainerResult, ReadAt } from './container-findings.ts';

const PARTS_MAX = 200_000;
/** Some writers leave a gap between the tag and the first frame. */
const MP3_SEARCH_BYTES_MAX = 64 * 1024;
const MP3_KBIT = {
  // Layer III, MPEG 1, then MPEG 2 and 2.5; index 0 is free format, which nobody uses.
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const MP3_HERTZ = [44_100, 48_000, 32_000];

/** Checks that a sound file hangs together: two frames in a row, chunks or pages that fit. */
export function inspectAudio(
  extension: 'mp3' | 'wav' | 'ogg',
  readAt: ReadAt,
  sizeBytes: number,
): Promise<ContainerResult> {
  if (extension === 'mp3') return inspectMp3(readAt, sizeBytes);
  return extension === 'wav' ? inspectWav(readAt, sizeBytes) : inspectOgg(readAt, sizeBytes);
}

async function inspectMp3(readAt: ReadAt, sizeBytes: number): Promise<ContainerResult> {
  const head = await readAt(0, 10);
  const hasTag = head.toString('latin1', 0, 3) === 'ID3' && head.length === 10;
  const tagEnd = hasTag ? 10 + head.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 0x7f), 0) : 0;
  if (tagEnd >= sizeBytes) return { ok: false, detail: 'The MP3 ends inside its tag.' };
  const window = await readAt(tagEnd, MP3_SEARCH_BYTES_MAX);
  if (!hasFramePair(window, tagEnd + window.length >= sizeBytes))
    return { ok: false, detail: 'The MP3 has no run of sound frames.' };
  const tag = hasTag ? await readAt(0, Math.min(tagEnd, 4 * 1024 * 1024)) : Buffer.alloc(0);
  return {
    ok: true,
    value: { ...NO_FINDINGS, hasSignedProvenance: /application\/(?:x-)?c2pa/.test(tag.toString('latin1')) },
  };
}

/** One header can stand anywhere by chance; a second one exactly where the first frame ends cannot. */
function hasFramePair(window: Buffer, isWholeRest: boolean): boolean {
  for (let at = window.indexOf(0xff); at !== -1; at = window.indexOf(0xff, at + 1)) {
    const length = mp3FrameBytes(window, at);
    if (length === null) continue;
    const next = at + length;
    if (mp3FrameBytes(window, next) !== null || (isWholeRest && next === window.length)) return true;
  }
  return false;
}

function mp3FrameBytes(window: Buffer, at: number): number | null {
  if (at + 4 > window.length) return null;
  const [sync, second, third] = [window.readUInt16BE(at), window[at + 1] ?? 0, window[at + 2] ?? 0];
  const version = (second >> 3) & 3;
  const isLayer3 = ((second >> 1) & 3) === 1;
  if (sync < 0xffe0 || version === 1 || !isLayer3) return null;
  const kbit = MP3_KBIT[version === 3 ? 1 : 2][third >> 4] ?? 0;
  const hertz = (MP3_HERTZ[(third >> 2) & 3] ?? 0) / (version === 3 ? 1 : version === 2 ? 2 : 4);
  if (kbit === 0 || hertz === 0) return null;
  return Math.floor(((version === 3 ? 144 : 72) * kbit * 1000) / hertz) + ((third >> 1) & 1);
}

async function inspectWav(readAt: ReadAt, sizeBytes: number): Promise<ContainerResult> {
  const head = await readAt(0, 12);
  const declared = head.length < 12 ? 0 : head.readUInt32LE(4) + 8;
  // Writers that cannot go back leave zero or all ones in the length.
  const isUnknown = declared === 8 || declared === 0xffffffff + 8;
  if (!isUnknown && declared > sizeBytes) return { ok: false, detail: 'The WAV is shorter than its header says.' };
  const seen = new Set<string>();
  let position = 12;
  for (let count = 0; position + 8 <= sizeBytes && !seen.has('data') && count < 1_000; count++) {
    const chunk = await readAt(position, 8);
    const length = chunk.readUInt32LE(4);
    seen.add(chunk.toString('latin1', 0, 4));
    position += 8 + length + (length % 2);
  }
  if (!seen.has('fmt ') || !seen.has('data')) return { ok: false, detail: 'The WAV lacks its format or its data.' };
  return { ok: true, value: NO_FINDINGS };
}

async function inspectOgg(readAt: ReadAt, sizeBytes: number): Promise<ContainerResult> {
  let position = 0;
  for (let count = 0; position < sizeBytes; count++) {
    if (count >= PARTS_MAX) return { ok: false, detail: 'The OGG has too many pages.' };
    // The header's last byte counts the segments whose lengths follow: 27 and at most 255 bytes.
    const page = await readAt(position, 282);
    if (page.length < 27 || page.toString('latin1', 0, 5) !== 'OggS\0')
      return { ok: false, detail: 'The OGG has a damaged page.' };
    const segments = page[26] ?? 0;
    const body = page.subarray(27, 27 + segments).reduce((sum, length) => sum + length, 0);
    position += 27 + segments + body;
  }
  return position === sizeBytes
    ? { ok: true, value: { ...NO_FINDINGS } }
    : { ok: false, detail: 'The OGG ends inside a page.' };
}
