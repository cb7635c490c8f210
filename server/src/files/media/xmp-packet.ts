const SOURCE_TYPES = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
const IPTC_NAMESPACE = 'http://iptc.org/std/Iptc4xmpExt/2008-02-29/';
const XMP_NAMESPACE = 'http://ns.adobe.com/xap/1.0/';

/** What a mark says: how the picture came to be, and what made it. */
export interface XmpMark {
  /** A term of the IPTC vocabulary, e.g. `trainedAlgorithmicMedia`. */
  digitalSourceType: string;
  creatorTool: string;
}

/** The IPTC digitalSourceType in a packet, without its address, or null. Attribute and element forms are read. */
export function readDigitalSourceType(packet: string): string | null {
  const found =
    /[\w-]+:DigitalSourceType(?:\s*=\s*["']([^"'<]*)["']|\s+rdf:resource\s*=\s*["']([^"'<]*)["']|\s*>([^<]*)<)/i.exec(
      packet,
    );
  const value = (found?.[1] ?? found?.[2] ?? found?.[3] ?? '').trim();
  const term = value.slice(value.lastIndexOf('/') + 1);
  // The vocabulary's terms are plain words; whatever else stands there is not repeated to anybody.
  return /^[A-Za-z0-9_-]{1,100}$/.test(term) ? term : null;
}

/** Whether the packet points to a provenance manifest kept elsewhere, which vouches for these very bytes. */
export function pointsToManifest(packet: string): boolean {
  return /\bdcterms:provenance\b/.test(packet);
}

/** A packet that holds the mark and nothing else. */
export function newPacket(mark: XmpMark): string {
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    `<rdf:Description rdf:about=""${attributes('', '', mark)}/>`,
    '</rdf:RDF>',
    '</x:xmpmeta>',
    '<?xpacket end="w"?>',
  ].join('\n');
}

/**
 * The packet with the mark added to its first description. A packet without a description that we
 * understand gives way to a new one: a mark is a duty, and such a packet is broken anyway.
 */
export function markPacket(packet: string, mark: XmpMark): string {
  const opening = /<rdf:Description(?=[\s/>])(?:[^>"']|"[^"]*"|'[^']*')*>/.exec(packet);
  if (opening === null) return newPacket(mark);
  const [tag] = opening;
  const claimed = /\bxmlns:Iptc4xmpExt\s*=\s*["']([^"']*)["']/.exec(tag)?.[1];
  if (claimed !== undefined && claimed !== IPTC_NAMESPACE) return newPacket(mark);
  const at = opening.index + '<rdf:Description'.length;
  return packet.slice(0, at) + attributes(tag, packet, mark) + packet.slice(at);
}

/** The attributes that `tag` still lacks. A maker that the packet already names is left its word. */
function attributes(tag: string, packet: string, mark: XmpMark): string {
  const parts: string[] = [];
  if (!/\bxmlns:Iptc4xmpExt\s*=/.test(tag)) parts.push(` xmlns:Iptc4xmpExt="${IPTC_NAMESPACE}"`);
  parts.push(` Iptc4xmpExt:DigitalSourceType="${SOURCE_TYPES}${escapeXml(mark.digitalSourceType)}"`);
  if (!/\bCreatorTool\b/.test(packet)) {
    if (!/\bxmlns:xmp\s*=/.test(tag)) parts.push(` xmlns:xmp="${XMP_NAMESPACE}"`);
    parts.push(` xmp:CreatorTool="${escapeXml(mark.creatorTool)}"`);
  }
  return parts.join('');
}

function escapeXml(text: string): string {
  // Control characters cannot be written in XML 1.0 at all, not even escaped.
  const clean = text.replaceAll(/[\p{Control}\p{Surrogate}\uFFFE\uFFFF]/gu, ' ');
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
