import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { double as elevenlabsDouble } from './elevenlabs.ts';
import { jsonOf, playDouble } from './local-double-test-kit.ts';

const headers = { 'xi-api-key': 'double-elevenlabs-key' };
const ASKED = { prompt: 'a waltz', music_length_ms: 3_000, force_instrumental: true, model_id: 'music_v1' };

const BAD: readonly { body: unknown; path?: string; place: readonly string[] }[] = [
  { body: 'no JSON', place: ['body'] },
  { body: {}, place: ['body', 'prompt'] },
  { body: { ...ASKED, prompt: 'x'.repeat(4_101) }, place: ['body', 'prompt'] },
  { body: { ...ASKED, music_length_ms: 2_999 }, place: ['body', 'music_length_ms'] },
  { body: { ...ASKED, music_length_ms: '3000' }, place: ['body', 'music_length_ms'] },
  { body: { ...ASKED, force_instrumental: 'yes' }, place: ['body', 'force_instrumental'] },
  { body: { ...ASKED, model_id: 'music_v9' }, place: ['body', 'model_id'] },
  { body: { ...ASKED, kite: 1 }, place: ['body', 'kite'] },
  { body: { ...ASKED, output_format: 'mp3_44100_128' }, place: ['body', 'output_format'] },
  { body: ASKED, path: '/v1/music?output_format=flac', place: ['query', 'output_format'] },
];

describe('the double of ElevenLabs', () => {
  it('answers with the sound itself, once it is made', async (t) => {
    const played = await playDouble(t, elevenlabsDouble);
    const path = '/v1/music?output_format=mp3_44100_192';
    const heard = await played.send('POST', path, { body: ASKED, headers, stepMs: 1_000 });
    assert.ok(heard.kind === 'answer' && heard.status === 200 && heard.afterMs >= 10_000);
    assert.equal(heard.headers.get('content-type'), 'audio/mpeg');
    assert.match(heard.headers.get('song-id') ?? '', /^[0-9a-f]{20}$/);
    assert.ok(heard.body.length > 1_000);
    assert.deepEqual(
      (await played.double.ledger()).map(({ model, prompt }) => [model, prompt]),
      [['music_v1', 'a waltz']],
    );
  });

  it('refuses what ElevenLabs refuses, and buys nothing', async (t) => {
    const played = await playDouble(t, elevenlabsDouble, { durationMs: 0 });
    for (const { body, path = '/v1/music', place } of BAD) {
      const { detail } = Object(jsonOf(await played.send('POST', path, { body, headers }), 422));
      assert.deepEqual(detail[0].loc, place, JSON.stringify(body).slice(0, 200));
    }
    jsonOf(await played.send('POST', '/v1/music/stream', { body: ASKED, headers }), 404);
    const other = { 'xi-api-key': 'other' };
    const heard = jsonOf(await played.send('GET', '/v1/user/subscription', { headers: other }), 401);
    assert.partialDeepStrictEqual(heard, { detail: { status: 'invalid_api_key' } });
    assert.deepEqual(await played.double.ledger(), []);
  });

  it('tells refusals of content, an empty account, and failures', async (t) => {
    for (const [fault, status, word] of [
      ['p14-late-refusal', 400, 'bad_prompt'],
      ['p23-402', 401, 'quota_exceeded'],
      ['p3-429-seconds', 429, 'too_many_concurrent_requests'],
      ['failed', 500, 'internal_error'],
    ] as const) {
      const played = await playDouble(t, elevenlabsDouble, { fault, durationMs: 0 });
      const heard = jsonOf(await played.send('POST', '/v1/music', { body: ASKED, headers }), status);
      assert.partialDeepStrictEqual(heard, { detail: { status: word } }, fault);
    }
  });
});
