import assert from 'node:assert/strict';
import { it } from 'node:test';

import { readAnswer } from './provider-answer.ts';

const answer = (type: string, body: Uint8Array): ReturnType<typeof readAnswer> =>
  readAnswer({ kind: 'answer', status: 200, headers: { 'content-type': type }, body, truncated: false });

it('hands a body that is a file on byte by byte, and reads no text into it', () => {
  const bytes = Buffer.from([0xff, 0xfb, 0x90, 0, 0xc3, 0x28]);
  for (const type of [
    'audio/mpeg',
    'Audio/MPEG; charset=binary',
    'image/png',
    'video/mp4',
    'application/octet-stream',
  ]) {
    const { file = '', json, text } = answer(type, bytes);
    assert.match(file, /^data:(audio\/mpeg|image\/png|video\/mp4|application\/octet-stream);base64,/);
    assert.deepEqual(Buffer.from(file.slice(file.indexOf(',') + 1), 'base64'), bytes);
    assert.deepEqual([json, text], [null, '']);
  }
});

it('takes everything else for words, whatever stands in it', () => {
  for (const type of ['application/json', '', 'text/html', 'audio', 'application/octet-stream', 'audio/x\r\ny']) {
    assert.deepEqual(answer(type, Buffer.from('{"a":1}')), {
      status: 200,
      headers: { 'content-type': type },
      json: { a: 1 },
      text: '{"a":1}',
    });
  }
  assert.equal(answer('audio/mpeg', Buffer.alloc(0)).file, undefined);
});
