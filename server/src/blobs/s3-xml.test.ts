import assert from 'node:assert/strict';
import { test } from 'node:test';
import { xmlElements, xmlEscape, xmlRoot, xmlText } from './s3-xml.ts';

test('the text of an element is read with its entities, whatever attributes it has', () => {
  assert.equal(xmlText('<A xmlns="x"><Key>a&amp;b&#x41;&#66;&quot;</Key></A>', 'Key'), 'a&bAB"');
  assert.equal(xmlText('<A><Owner><ID>1</ID></Owner></A>', 'ID'), '1');
  assert.deepEqual([xmlText('<A/>', 'Key'), xmlText('<A><Key/></A>', 'Key'), xmlText('', 'Key')], [null, null, null]);
  assert.equal(xmlText('<A><KeyMarker>no</KeyMarker><Key>yes</Key></A>', 'Key'), 'yes');
  assert.equal(xmlText('<Key>&unknown;&#x110000;</Key>', 'Key'), '&unknown;&#x110000;');
});

test('all elements of a name come in order, and a cut-off one does not', () => {
  assert.deepEqual(xmlElements('<L><C><K>1</K></C>\n<C a="b"><K>2</K></C><C><K>3', 'C'), ['<K>1</K>', '<K>2</K>']);
});

test('the outermost element is found behind a declaration', () => {
  assert.equal(xmlRoot('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>x</Code></Error>'), 'Error');
  assert.deepEqual([xmlRoot('  \n<Error/>'), xmlRoot('not found'), xmlRoot('')], ['Error', null, null]);
});

test('what is escaped is read back as it was', () => {
  const text = `"a" & 'b' <c>`;
  assert.equal(xmlText(`<K>${xmlEscape(text)}</K>`, 'K'), text);
});
