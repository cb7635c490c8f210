/**
 * Reads the few flat answers of S3. They come from the operator's own service over its own connection, are bounded
 * before they get here, and have no attributes, comments or CDATA in what we read: that needs no parser of all of XML.
 */

/** The text of the first element of that name, its entities decoded; null when there is none. */
export function xmlText(xml: string, name: string): string | null {
  const [inner] = xmlElements(xml, name);
  return inner === undefined ? null : decode(inner);
}

/** The insides of all elements of that name, in order. Elements of one name must not contain each other. */
export function xmlElements(xml: string, name: string): string[] {
  const found: string[] = [];
  const begin = new RegExp(`<${name}(?:\\s[^>]*)?>`, 'g');
  const end = `</${name}>`;
  for (let match = begin.exec(xml); match !== null; match = begin.exec(xml)) {
    if (match[0].endsWith('/>')) continue;
    const stop = xml.indexOf(end, begin.lastIndex);
    if (stop === -1) break;
    found.push(xml.slice(begin.lastIndex, stop));
    begin.lastIndex = stop + end.length;
  }
  return found;
}

/** The name of the outermost element; null when this is no XML. */
export function xmlRoot(xml: string): string | null {
  return /^\s*(?:<\?xml[^>]*\?>\s*)?<([A-Za-z]\w*)[\s/>]/.exec(xml)?.[1] ?? null;
}

/** A text as the inside of an element. */
export function xmlEscape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const CODE_POINT_MAX = 0x10_ff_ff;

function decode(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi, (whole, hex, decimal, name) => {
    if (typeof name === 'string') return NAMED[name] ?? whole;
    const code = typeof hex === 'string' ? Number.parseInt(hex, 16) : Number(decimal);
    return code <= CODE_POINT_MAX ? String.fromCodePoint(code) : whole;
  });
}
