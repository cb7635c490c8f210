import { NO_FINDINGS } from './container-findings.ts';
import type { ContainerResult, ReadAt } from './container-findings.ts';

const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const VIDEO = 0xe0;
const PIXEL_WIDTH = 0xb0;
const PIXEL_HEIGHT = 0xba;
/** The track list stands near the front; what lies behind is not searched for it. */
const HEAD_BYTES_MAX = 256 * 1024;

interface Element {
  id: number;
  dataStart: number;
  /** null when the length is unknown, as in live recordings. */
  end: number | null;
}

/** Checks that a WebM file has its header and one segment that fits, and reads the picture size. */
export async function inspectWebm(readAt: ReadAt, sizeBytes: number): Promise<ContainerResult> {
  const head = await readAt(0, HEAD_BYTES_MAX);
  const header = elementAt(head, 0);
  if (header?.id !== EBML || header.end === null)
    return { ok: false, detail: 'The WebM does not begin with its header.' };
  const segment = elementAt(head, header.end);
  if (segment?.id !== SEGMENT) return { ok: false, detail: 'The WebM has no segment.' };
  if (segment.end !== null && segment.end > sizeBytes)
    return { ok: false, detail: 'The WebM is shorter than its segment says.' };
  const video = findVideo(head, segment);
  return {
    ok: true,
    value: {
      ...NO_FINDINGS,
      width: video && numberIn(head, video, PIXEL_WIDTH),
      height: video && numberIn(head, video, PIXEL_HEIGHT),
    },
  };
}

function findVideo(head: Buffer, segment: Element): Element | null {
  const tracks = children(head, segment).find((element) => element.id === TRACKS);
  if (tracks === undefined) return null;
  for (const entry of children(head, tracks)) {
    const video = entry.id === TRACK_ENTRY ? children(head, entry).find((element) => element.id === VIDEO) : undefined;
    if (video !== undefined) return video;
  }
  return null;
}

function numberIn(head: Buffer, parent: Element, id: number): number | null {
  const element = children(head, parent).find((candidate) => candidate.id === id);
  if (element === undefined || element.end === null) return null;
  const length = element.end - element.dataStart;
  if (length < 1 || length > 4 || element.end > head.length) return null;
  return head.readUIntBE(element.dataStart, length) || null;
}

function children(head: Buffer, parent: Element): Element[] {
  const elements: Element[] = [];
  const end = Math.min(head.length, parent.end ?? head.length);
  let position = parent.dataStart;
  while (position < end && elements.length < 1_000) {
    const element = elementAt(head, position);
    if (element === null) break;
    elements.push(element);
    if (element.end === null) break;
    position = element.end;
  }
  return elements;
}

function elementAt(head: Buffer, start: number): Element | null {
  const id = variableInteger(head, start);
  if (id === null || id.length > 4) return null;
  const size = variableInteger(head, start + id.length);
  if (size === null) return null;
  const dataStart = start + id.length + size.length;
  return { id: id.raw, dataStart, end: size.isUnknown ? null : dataStart + size.value };
}

/** The leading zeros of the first byte tell how many bytes follow; an id keeps its marker bit, a size drops it. */
function variableInteger(
  head: Buffer,
  at: number,
): { length: number; raw: number; value: number; isUnknown: boolean } | null {
  const first = head[at];
  if (first === undefined || first === 0) return null;
  const length = Math.clz32(first) - 23;
  if (at + length > head.length) return null;
  const digits = head.subarray(at, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
  const marker = 2 ** (7 * length);
  return { length, raw: digits, value: digits - marker, isUnknown: digits >= 2 * marker - 1 };
}
