import assert from 'node:assert/strict';
import { it } from 'node:test';

import { encodeForm } from './form-body.ts';

async function readBack(form: Parameters<typeof encodeForm>[0]): Promise<FormData> {
  const { type, bytes } = encodeForm(form);
  return new Response(Buffer.from(bytes), { headers: { 'content-type': type } }).formData();
}

it('sends texts, repeated names and files so that a server reads exactly these', async () => {
  const prompt = 'a "kite"\r\n--form-\r\ncontent-disposition: form-data; name="seed"\r\n\r\n7\u2028é';
  const file = Buffer.from([0, 13, 10, 45, 45, 255]);
  const dataUrl = `data:image/png;base64,${file.toString('base64')}`;
  const read = await readBack([
    { name: 'prompt', text: prompt },
    { name: 'palette', text: '{"name":"EMBER"}', type: 'application/json' },
    { name: 'images', dataUrl },
    { name: 'images', dataUrl: dataUrl.replace('png', 'webp') },
  ]);
  assert.deepEqual([...new Set(read.keys())], ['prompt', 'palette', 'images']);
  assert.equal(read.get('prompt'), prompt);
  const [first, second] = read.getAll('images');
  assert.ok(first instanceof File && second instanceof File);
  assert.deepEqual([first.type, first.name, second.name], ['image/png', 'images.png', 'images.webp']);
  assert.deepEqual(Buffer.from(await first.arrayBuffer()), file);
});

it('lets no name and no type of a file write into the head of its part', async () => {
  const read = await readBack([
    { name: 'a"\r\nx: y', text: '1' },
    { name: 'file', dataUrl: 'data:image/png\r\nx: y;base64,AAAA' },
  ]);
  const file = read.get('file');
  assert.ok(file instanceof File && file.type === 'application/octet-stream');
  assert.equal([...read.keys()].length, 2);
});

it('gives the same bytes for the same form, and another boundary for another', () => {
  const form = [{ name: 'prompt', text: 'a kite' }];
  assert.deepEqual(encodeForm(form), encodeForm(structuredClone(form)));
  assert.notEqual(encodeForm(form).type, encodeForm([{ name: 'prompt', text: 'a boat' }]).type);
});
