import type { DownloadResult } from '../core/net-port.ts';

const FORM = /^data:([a-z]+\/[a-z0-9.+-]+);base64,/i;
/** Characters unpacked in one go: a multiple of four, so that each part is whole bytes. */
const PART_CHARACTERS = 1024 * 1024;

/** True for a file that stands in its own address. */
export function isDataUrl(url: string): boolean {
  return url.startsWith('data:');
}

/** Unpacks a base64 `data:` URL part by part. */
export async function unpackDataUrl(
  url: string,
  to: { sink: (chunk: Uint8Array) => Promise<void> | void; bytesMax: number },
): Promise<DownloadResult> {
  const head = FORM.exec(url.slice(0, 200));
  if (head === null) return { kind: 'failed', reason: 'url-invalid', status: null, detail: 'no base64 data URL' };
  let sizeBytes = 0;
  for (let at = head[0].length; at < url.length; at += PART_CHARACTERS) {
    const part = Buffer.from(url.slice(at, at + PART_CHARACTERS), 'base64');
    sizeBytes += part.length;
    if (sizeBytes > to.bytesMax) return { kind: 'failed', reason: 'too-large', status: null, detail: `${to.bytesMax}` };
    await to.sink(part);
  }
  return { kind: 'done', sizeBytes, headers: { 'content-type': head[1] ?? '' }, finalUrl: 'data:' };
}
