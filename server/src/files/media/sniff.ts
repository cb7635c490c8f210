import { open } from 'node:fs/promises';
import { fileTypeFromFile } from 'file-type';
import { beginsLikeWeights } from './weights-head.ts';
import type { ImageFormat } from '../../core/media-port.ts';

/** A type that we take, as found in the bytes. */
export type SniffedType =
  | { kind: 'image'; contentType: string; extension: ImageFormat }
  | { kind: 'video' | 'audio'; contentType: string; extension: 'mp4' | 'webm' | 'mov' | 'mp3' | 'wav' | 'ogg' | 'm4a' }
  | { kind: 'weights'; contentType: string; extension: 'safetensors' };

export type SniffResult =
  | { found: 'allowed'; type: SniffedType }
  /** Begins like one of ours, but too little of it is there. */
  | { found: 'stump'; extension: ImageFormat }
  | { found: 'other'; detail: string };

const JPG = { kind: 'image', contentType: 'image/jpeg', extension: 'jpg' } as const;
const PNG = { kind: 'image', contentType: 'image/png', extension: 'png' } as const;
const MP4 = { kind: 'video', contentType: 'video/mp4', extension: 'mp4' } as const;
const M4A = { kind: 'audio', contentType: 'audio/mp4', extension: 'm4a' } as const;
const WEIGHTS = { kind: 'weights', contentType: 'application/octet-stream', extension: 'safetensors' } as const;
const OGG = { kind: 'audio', contentType: 'audio/ogg', extension: 'ogg' } as const;

/** The allowed types by the library's name for them: `ending type`. What is not here is refused. */
const ALLOWED = new Map<string, SniffedType>([
  ['jpg image/jpeg', JPG],
  ['png image/png', PNG],
  // An animated PNG is a PNG to every reader; those that know nothing of animation show its first picture.
  ['apng image/apng', PNG],
  ['webp image/webp', { kind: 'image', contentType: 'image/webp', extension: 'webp' }],
  ['gif image/gif', { kind: 'image', contentType: 'image/gif', extension: 'gif' }],
  ['mp4 video/mp4', MP4],
  ['m4v video/x-m4v', MP4],
  ['webm video/webm', { kind: 'video', contentType: 'video/webm', extension: 'webm' }],
  ['mov video/quicktime', { kind: 'video', contentType: 'video/quicktime', extension: 'mov' }],
  ['mp3 audio/mpeg', { kind: 'audio', contentType: 'audio/mpeg', extension: 'mp3' }],
  ['wav audio/wav', { kind: 'audio', contentType: 'audio/wav', extension: 'wav' }],
  ['ogg audio/ogg', OGG],
  ['oga audio/ogg', OGG],
  ['opus audio/ogg; codecs=opus', OGG],
  ['m4a audio/x-m4a', M4A],
  ['m4b audio/mp4', M4A],
]);

const ALLOWED_WORDS = 'PNG, JPEG, WebP, GIF, MP4, WebM, MOV, MP3, WAV, OGG and M4A are accepted';

/** Finds the type in the content alone; names and declared types are never asked. */
export async function sniff(path: string): Promise<SniffResult> {
  const found = await fileTypeFromFile(path);
  const type = found && ALLOWED.get(`${found.ext} ${found.mime}`);
  if (type) return { found: 'allowed', type };
  if (found === undefined && (await beginsLikeWeights(path))) return { found: 'allowed', type: WEIGHTS };
  const stump = found === undefined ? await stumpOf(path) : null;
  if (stump !== null) return { found: 'stump', extension: stump };
  const what = found === undefined ? 'The content is of no known media type' : `The content is ${found.mime}`;
  return { found: 'other', detail: `${what}; ${ALLOWED_WORDS}.` };
}

/** The library answers nothing for a picture cut within its first bytes; its signature tells the caller more. */
async function stumpOf(path: string): Promise<ImageFormat | null> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(12);
    const { bytesRead } = await file.read(head, 0, 12, 0);
    const start = head.toString('latin1', 0, bytesRead);
    if (start.startsWith('\x89PNG')) return 'png';
    if (start.startsWith('\xff\xd8')) return 'jpg';
    if (start.startsWith('GIF8')) return 'gif';
    return start.startsWith('RIFF') && start.slice(8).startsWith('WEBP') ? 'webp' : null;
  } finally {
    await file.close();
  }
}
