import { createHash } from 'node:crypto';

import { empty, jsonText, type Answer } from './answer.ts';

/** A JSON text that stays the same for long, with the mark that lets a client ask only whether it has changed. */
export interface TaggedText {
  text: string;
  etag: string;
}

/** Computes the mark once, when the text is made. */
export function tagText(text: string): TaggedText {
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"` };
}

/** True when the `If-None-Match` header names this mark. */
export function matchesEtag(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.trim() === '*' || header.split(',').some((mark) => mark.trim().replace(/^W\//, '') === etag);
}

/** The text, or 304 when the client has it already. Everybody may keep it, but must ask before using it again. */
export function taggedAnswer({ text, etag }: TaggedText, ifNoneMatch: string | null): Answer {
  const headers = { etag, 'cache-control': 'public, no-cache' };
  return matchesEtag(ifNoneMatch, etag) ? empty(304, headers) : jsonText(200, text, headers);
}
