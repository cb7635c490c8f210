import { NO_FINDINGS } from './container-findings.ts';
import type { ContainerFindings, ContainerResult, ReadAt } from './container-findings.ts';
import { C2PA_BOX_UUID } from './provenance.ts';
import { readDigitalSourceType } from './xmp-packet.ts';

const XMP_BOX_UUID = 'be7acfcb97a942e89c71999491e3afac';
/** A fragmented hour of video has some ten thousand boxes at the top. */
const BOXES_MAX = 100_000;
/** The index of a very long video; more is not looked at. */
const INDEX_BYTES_MAX = 16 * 1024 * 1024;
const XMP_BYTES_MAX = 4 * 1024 * 1024;

interface Box {
  type: string;
  dataStart: number;
  end: number;
}

/** Walks the top boxes of an MP4, MOV or M4A file: they must fill it exactly, with an index and data among them. */
export async function inspectBoxes(readAt: ReadAt, sizeBytes: number): Promise<ContainerResult> {
  const findings: ContainerFindings = { ...NO_FINDINGS };
  const seen = new Set<string>();
  let position = 0;
  for (let count = 0; position < sizeBytes; count++) {
    if (count >= BOXES_MAX) return { ok: false, detail: 'The file has too many boxes.' };
    const box = boxAt(await readAt(position, 16), position, sizeBytes);
    if (box === null) return { ok: false, detail: 'The file has a box with an impossible length.' };
    if (box.end > sizeBytes) return { ok: false, detail: `The file ends inside its ${box.type} box.` };
    seen.add(box.type);
    if (box.type === 'uuid') Object.assign(findings, await uuidFindings(readAt, box));
    if (box.type === 'moov')
      Object.assign(
        findings,
        indexFindings(await readAt(box.dataStart, Math.min(INDEX_BYTES_MAX, box.end - box.dataStart))),
      );
    position = box.end;
  }
  if (!seen.has('moov')) return { ok: false, detail: 'The file has no index (moov box).' };
  if (!seen.has('mdat')) return { ok: false, detail: 'The file has no data (mdat box).' };
  return { ok: true, value: findings };
}

/** A box by its header, which begins at `start` of a whole with `wholeEnd` bytes. */
function boxAt(header: Buffer, start: number, wholeEnd: number): Box | null {
  if (header.length < 8) return null;
  // Only printable characters are shown: the type goes into a text.
  const type = header.toString('latin1', 4, 8).replaceAll(/[^\x20-\x7e]/g, '?');
  const size = header.readUInt32BE(0);
  if (size === 0) return { type, dataStart: start + 8, end: wholeEnd };
  if (size !== 1) return size < 8 ? null : { type, dataStart: start + 8, end: start + size };
  if (header.length < 16) return null;
  const large = Number(header.readBigUInt64BE(8));
  return large < 16 ? null : { type, dataStart: start + 16, end: start + large };
}

async function uuidFindings(readAt: ReadAt, box: Box): Promise<Partial<ContainerFindings>> {
  const uuid = (await readAt(box.dataStart, Math.min(16, box.end - box.dataStart))).toString('hex');
  if (uuid === C2PA_BOX_UUID) return { hasSignedProvenance: true };
  if (uuid !== XMP_BOX_UUID) return {};
  const packet = await readAt(box.dataStart + 16, Math.min(XMP_BYTES_MAX, box.end - box.dataStart - 16));
  return { digitalSourceType: readDigitalSourceType(packet.toString('utf8')) };
}

function indexFindings(moov: Buffer): Partial<ContainerFindings> {
  return trackFindings(moov, childBoxes(moov));
}

function trackFindings(moov: Buffer, boxes: Box[]): Partial<ContainerFindings> {
  const tracks = boxes.filter((box) => box.type === 'trak');
  let sounds = 0;
  for (const track of tracks) {
    const parts = childBoxes(moov.subarray(track.dataStart, track.end));
    const inTrack = moov.subarray(track.dataStart, track.end);
    const handler = handlerOf(inTrack, parts);
    if (handler === 'vide') return { ...trackSize(inTrack, parts), isAudioOnly: false };
    if (handler === 'soun') sounds += 1;
  }
  return { isAudioOnly: sounds > 0 };
}

function handlerOf(track: Buffer, parts: Box[]): string | null {
  const media = parts.find((box) => box.type === 'mdia');
  if (media === undefined) return null;
  const inMedia = track.subarray(media.dataStart, media.end);
  const handler = childBoxes(inMedia).find((box) => box.type === 'hdlr');
  return handler === undefined ? null : inMedia.toString('latin1', handler.dataStart + 8, handler.dataStart + 12);
}

/** Width and height close the track header, as 16.16 fixed point. */
function trackSize(track: Buffer, parts: Box[]): { width: number | null; height: number | null } {
  const header = parts.find((box) => box.type === 'tkhd');
  if (header === undefined || header.end - header.dataStart < 84) return { width: null, height: null };
  const [width, height] = [track.readUInt16BE(header.end - 8), track.readUInt16BE(header.end - 4)];
  return width > 0 && height > 0 ? { width, height } : { width: null, height: null };
}

/** The boxes inside a box; stops at the first that does not fit, because only hints are read from here. */
function childBoxes(data: Buffer): Box[] {
  const boxes: Box[] = [];
  let position = 0;
  while (position + 8 <= data.length && boxes.length < 1_000) {
    const box = boxAt(data.subarray(position, position + 16), position, data.length);
    if (box === null || box.end > data.length) break;
    boxes.push(box);
    position = box.end;
  }
  return boxes;
}
