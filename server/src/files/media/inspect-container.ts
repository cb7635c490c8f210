import { open } from 'node:fs/promises';
import type { MediaFacts } from '../../core/media-port.ts';
import { inspectAudio } from './container-audio.ts';
import { inspectBoxes } from './container-boxes.ts';
import type { ContainerResult, ReadAt } from './container-findings.ts';
import { inspectWebm } from './container-webm.ts';
import { playLength } from './play-length.ts';
import type { SniffedType } from './sniff.ts';

/** Checks that a video or audio file hangs together (its parts fill it, the needed ones are there). Decodes nothing. */
export async function inspectContainer(
  path: string,
  type: Extract<SniffedType, { kind: 'video' | 'audio' }>,
  sizeBytes: number,
): Promise<{ ok: true; value: Omit<MediaFacts, 'sizeBytes' | 'sha256'> } | { ok: false; detail: string }> {
  const file = await open(path);
  try {
    const readAt: ReadAt = async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    };
    const result = await findingsOf(type.extension, readAt, sizeBytes);
    if (!result.ok) return result;
    const { isAudioOnly, ...findings } = result.value;
    const shown =
      isAudioOnly && type.extension === 'mp4'
        ? { kind: 'audio' as const, contentType: 'audio/mp4', extension: 'm4a' }
        : type;
    return { ok: true, value: { ...shown, ...findings, seconds: await playLength(path) } };
  } finally {
    await file.close();
  }
}

function findingsOf(
  extension: Extract<SniffedType, { kind: 'video' | 'audio' }>['extension'],
  readAt: ReadAt,
  sizeBytes: number,
): Promise<ContainerResult> {
  switch (extension) {
    case 'mp4':
    case 'mov':
    case 'm4a':
      return inspectBoxes(readAt, sizeBytes);
    case 'webm':
      return inspectWebm(readAt, sizeBytes);
    case 'mp3':
    case 'wav':
    case 'ogg':
      return inspectAudio(extension, readAt, sizeBytes);
  }
}
