import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { jsonOf, playDouble } from './local-double-test-kit.ts';
import { double as murekaDouble } from './mureka.ts';

const headers = { authorization: 'Bearer double-mureka-key' };
const SONG = { model: 'mureka-9', prompt: 'folk', lyrics: '[Verse]\nSnow', n: 1 };

const GOOD: readonly { path: string; body: object; songs: number }[] = [
  { path: 'song/generate', body: { ...SONG, n: 3 }, songs: 3 },
  { path: 'song/generate', body: { model: 'mureka-o2', lyrics: 'la' }, songs: 2 },
  { path: 'song/easy-generate', body: { model: 'auto', prompt: 'x'.repeat(2_000), n: 1 }, songs: 1 },
  { path: 'instrumental/generate', body: { model: 'mureka-7.6', prompt: 'funk', n: 2 }, songs: 2 },
];

const BAD: readonly { path: string; body: object; words: RegExp }[] = [
  { path: 'song/generate', body: { model: 'auto', prompt: 'x' }, words: /^lyrics .*missing/ },
  { path: 'song/generate', body: { ...SONG, lyrics: '' }, words: /^lyrics .*length/ },
  { path: 'song/generate', body: { ...SONG, prompt: 'x'.repeat(1_025) }, words: /^prompt .*length/ },
  { path: 'song/generate', body: { ...SONG, n: 4 }, words: /^n .*max/ },
  { path: 'song/generate', body: { lyrics: 'la' }, words: /^model .*missing/ },
  { path: 'song/generate', body: { ...SONG, model: 'V9' }, words: /^model .*choice/ },
  { path: 'song/generate', body: { ...SONG, instrumental: true }, words: /^instrumental .*unknown/ },
  { path: 'song/easy-generate', body: SONG, words: /^lyrics .*unknown/ },
  { path: 'instrumental/generate', body: { model: 'mureka-o2', prompt: 'x' }, words: /^model .*choice/ },
];

describe('the double of Mureka', () => {
  it('takes what each path allows, and delivers as many songs as were asked for', async (t) => {
    const { clock, send } = await playDouble(t, murekaDouble);
    for (const { path, body, songs } of GOOD) {
      const started = Object(jsonOf(await send('POST', `/v1/${path}`, { body, headers }), 200));
      assert.equal(started.status, 'preparing', path);
      const at = `/v1/${path.split('/')[0]}/query/${started.id}`;
      const look = async () => Object(jsonOf(await send('GET', at, { headers }), 200));
      clock.advance(5_000);
      assert.equal((await look()).status, 'running', path);
      clock.advance(5_000);
      const { status, choices } = await look();
      assert.deepEqual([status, choices.length], ['succeeded', songs], path);
      const file = await send('GET', choices.at(-1).url);
      assert.equal(file.kind === 'answer' && file.headers.get('content-type'), 'audio/mpeg', path);
    }
  });

  it('refuses the rest with the name of the field, and buys nothing', async (t) => {
    const { double, send } = await playDouble(t, murekaDouble);
    for (const { path, body, words } of BAD) {
      const { error } = Object(jsonOf(await send('POST', `/v1/${path}`, { body, headers }), 400));
      assert.match(error.message, words);
    }
    jsonOf(await send('POST', '/v1/song/generate', { body: [SONG], headers }), 400);
    assert.deepEqual(await double.ledger(), []);
  });

  it('knows songs and music without voices apart', async (t) => {
    const { send } = await playDouble(t, murekaDouble);
    const body = { model: 'auto', prompt: 'funk' };
    const { id } = Object(jsonOf(await send('POST', '/v1/instrumental/generate', { body, headers }), 200));
    jsonOf(await send('GET', `/v1/song/query/${id}`, { headers }), 404);
    jsonOf(await send('GET', `/v1/instrumental/query/${id}`, { headers }), 200);
  });

  it('refuses a wrong key, a path that it has not, and to stop anything', async (t) => {
    const { send } = await playDouble(t, murekaDouble);
    jsonOf(await send('POST', '/v1/song/generate', { body: SONG }), 401);
    jsonOf(await send('POST', '/v1/song/stem', { body: SONG, headers }), 404);
    const { id } = Object(jsonOf(await send('POST', '/v1/song/generate', { body: SONG, headers }), 200));
    jsonOf(await send('DELETE', `/v1/song/query/${id}`, { headers }), 404);
  });

  for (const [body, path, cents] of [
    [{ ...SONG, n: 2 }, 'song/generate', 9],
    [{ ...SONG, n: 2, model: 'mureka-7.6' }, 'song/generate', 6],
    [{ ...SONG, n: 2, model: 'auto' }, 'song/generate', 30],
    [{ model: 'mureka-9', prompt: 'x', n: 2 }, 'song/easy-generate', 60],
  ] as const) {
    it(`takes ${cents} cents for two of ${path} by ${body.model}`, async (t) => {
      const { send } = await playDouble(t, murekaDouble);
      jsonOf(await send('POST', `/v1/${path}`, { body, headers }), 200);
      const { balance } = Object(jsonOf(await send('GET', '/v1/account/billing', { headers }), 200));
      assert.equal(balance, 3_000 - cents);
    });
  }

  for (const [fault, words] of [
    ['p14-late-refusal', /moderation/],
    ['failed', /internal error/],
  ] as const) {
    it(`fails in words alone: ${fault}`, async (t) => {
      const { clock, send } = await playDouble(t, murekaDouble, { fault });
      const { id } = Object(jsonOf(await send('POST', '/v1/song/generate', { body: SONG, headers }), 200));
      clock.advance(10_000);
      const task = Object(jsonOf(await send('GET', `/v1/song/query/${id}`, { headers }), 200));
      assert.equal(task.status, 'failed');
      assert.match(task.failed_reason, words);
    });
  }
});
