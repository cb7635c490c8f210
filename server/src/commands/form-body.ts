import { createHash } from 'node:crypto';

import type { FormPart } from '../core/provider.ts';

/** Characters of the boundary that are the digest of what it separates. */
const BOUNDARY_CHARACTERS = 32;

/** Endings of file names, by which some servers go. */
const ENDINGS: ReadonlyMap<string, string> = new Map([
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
]);

/** A form as `multipart/form-data`. The same parts give the same bytes: the boundary is made from them. */
export function encodeForm(form: readonly FormPart[]): { type: string; bytes: Uint8Array } {
  const blocks = form.map(blockOf);
  const hash = createHash('sha256');
  for (const block of blocks) hash.update(block);
  const boundary = `form-${hash.digest('hex').slice(0, BOUNDARY_CHARACTERS)}`;
  const bytes = Buffer.concat([
    ...blocks.flatMap((block) => [Buffer.from(`--${boundary}\r\n`), block, Buffer.from('\r\n')]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { type: `multipart/form-data; boundary=${boundary}`, bytes };
}

/** Head and content of one part. */
function blockOf(part: FormPart): Buffer {
  const name = quoted(part.name);
  if ('text' in part) {
    const type = part.type === undefined ? '' : `\r\ncontent-type: ${part.type}`;
    return Buffer.from(`content-disposition: form-data; name=${name}${type}\r\n\r\n${part.text}`);
  }
  const comma = part.dataUrl.indexOf(',');
  // A type is a word without spaces: nothing else may stand in the head.
  const type = /^data:([a-z0-9]+\/[a-z0-9.+-]+);/i.exec(part.dataUrl)?.[1] ?? 'application/octet-stream';
  const fileName = quoted(`${part.name}.${ENDINGS.get(type) ?? 'bin'}`);
  const head = `content-disposition: form-data; name=${name}; filename=${fileName}\r\ncontent-type: ${type}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(part.dataUrl.slice(comma + 1), 'base64')]);
}

/** Nothing in a name ends its line or its quotation marks. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}"`;
}
