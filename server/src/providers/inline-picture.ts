/** How base64 of each kind of picture begins: its first bytes are fixed. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['UklGR', 'image/webp'],
  ['R0lGOD', 'image/gif'],
];

const FORMATS: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
};

/**
 * A picture that came inside an answer, as a `data:` URL; null for nothing. Its type is read off its first bytes, and
 * where these say nothing off the format that the answer names: some servers name one and send another.
 */
export function inlinePicture(base64: unknown, format: string | null | undefined): string | null {
  if (typeof base64 !== 'string' || base64 === '') return null;
  if (/^data:/i.test(base64)) return base64;
  const known = BEGINNINGS.find(([beginning]) => base64.startsWith(beginning));
  return `data:${known?.[1] ?? typeOfFormat(format)};base64,${base64}`;
}

function typeOfFormat(format: string | null | undefined): string {
  const name = (format ?? '').toLowerCase();
  return Object.entries(FORMATS).find(([known]) => known === name)?.[1] ?? 'application/octet-stream';
}
