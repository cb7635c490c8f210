import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markPacket, newPacket, pointsToManifest, readDigitalSourceType } from './xmp-packet.ts';

const MARK = { digitalSourceType: 'trainedAlgorithmicMedia', creatorTool: 'Lumegate' };
const ADDRESS = 'http://cv.iptc.org/newscodes/digitalsourcetype/';

test('the source type is read as attribute, element and resource, whatever the scheme of its address', () => {
  const forms = [
    `<rdf:Description Iptc4xmpExt:DigitalSourceType="${ADDRESS}compositeSynthetic"/>`,
    `<rdf:Description ext:DigitalSourceType = 'https://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic'/>`,
    `<Iptc4xmpExt:DigitalSourceType>\n ${ADDRESS}compositeSynthetic </Iptc4xmpExt:DigitalSourceType>`,
    `<Iptc4xmpExt:DigitalSourceType rdf:resource="${ADDRESS}compositeSynthetic"/>`,
  ];
  for (const form of forms) assert.equal(readDigitalSourceType(form), 'compositeSynthetic', form);
});

test('no source type, an empty one or one with markup reads as none', () => {
  for (const packet of [
    '',
    '<rdf:Description/>',
    'x:DigitalSourceType=""',
    'x:DigitalSourceType="/a b"',
    `x:DigitalSourceType="${'a'.repeat(101)}"`,
  ]) {
    assert.equal(readDigitalSourceType(packet), null, packet);
  }
});

test('a new packet says what it was asked to say, with markup made harmless', () => {
  const packet = newPacket({ digitalSourceType: 'algorithmicMedia', creatorTool: 'a "b" <c> & \u0000\ud800' });
  assert.equal(readDigitalSourceType(packet), 'algorithmicMedia');
  assert.match(packet, /xmp:CreatorTool="a &quot;b&quot; &lt;c&gt; &amp; {3}"/);
});

test('the mark joins the first description, even behind a quoted bracket', () => {
  const packet = '<rdf:RDF><rdf:Description rdf:about="" dc:title="a > b"><dc:x/></rdf:Description></rdf:RDF>';
  const marked = markPacket(packet, MARK);
  assert.equal(readDigitalSourceType(marked), 'trainedAlgorithmicMedia');
  assert.ok(marked.includes(' rdf:about="" dc:title="a > b"><dc:x/></rdf:Description></rdf:RDF>'));
  assert.match(marked, /xmlns:xmp="[^"]+" xmp:CreatorTool="Lumegate"/);
});

test('names that are declared or said already are not said twice', () => {
  const packet = newPacket(MARK).replace(/ Iptc4xmpExt:DigitalSourceType="[^"]*"/, '');
  const marked = markPacket(packet, { ...MARK, creatorTool: 'Another' });
  for (const name of ['xmlns:Iptc4xmpExt=', 'Iptc4xmpExt:DigitalSourceType=', 'xmlns:xmp=', 'xmp:CreatorTool=']) {
    assert.equal(marked.split(name).length, 2, name);
  }
  assert.match(marked, /CreatorTool="Lumegate"/);
});

test('a packet that is not understood gives way to a new one', () => {
  for (const packet of [
    '',
    'nonsense',
    '<rdf:Descriptions/>',
    '<rdf:Description xmlns:Iptc4xmpExt="urn:other"/>',
    '<rdf:Description a="',
  ]) {
    assert.equal(markPacket(packet, MARK), newPacket(MARK), packet);
  }
});

test('a pointer to a manifest elsewhere counts as signed provenance', () => {
  assert.equal(pointsToManifest('<rdf:Description dcterms:provenance="https://example.com/manifest.c2pa"/>'), true);
  assert.equal(pointsToManifest(newPacket(MARK)), false);
});
