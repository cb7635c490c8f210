import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Fault } from './fault.ts';
import { double as googleDouble } from './google.ts';
import { jsonOf, playDouble, type PlayedDouble } from './local-double-test-kit.ts';
import { encodePng } from './png.ts';
import { readPicture } from './read-picture.ts';

const headers = { 'x-goog-api-key': 'double-gemini-key' };
const PICTURE = encodePng({ width: 64, height: 48 }, [0, 0, 0]).toString('base64');
const IMAGE = '/v1beta/models/gemini-3-pro-image:generateContent';
const SONG = '/v1beta/models/lyria-3-clip-preview:generateContent';
const VIDEO = '/v1beta/models/veo-3.1-generate-preview:predictLongRunning';

const text = (prompt: string) => ({ contents: [{ parts: [{ text: prompt }] }] });
const framed = {
  instances: [{ prompt: 'a kite', image: { mimeType: 'image/png', bytesBase64Encoded: PICTURE } }],
  parameters: { aspectRatio: '9:16', durationSeconds: 4, seed: 7 },
};

async function bought(played: PlayedDouble, path: string, body: unknown) {
  return Object(jsonOf(await played.send('POST', path, { body, headers }), 200));
}

describe('the double of Google', () => {
  it('puts a picture of the asked shape and size, and a song, into its answer', async (t) => {
    const played = await playDouble(t, googleDouble, { durationMs: 0 });
    const parts = [{ text: 'a kite' }, { inlineData: { mimeType: 'image/png', data: PICTURE } }];
    const generationConfig = { responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '16:9', imageSize: '2K' } };
    const tools = [{ googleSearch: {} }];
    const made = await bought(played, IMAGE, { contents: [{ parts }], generationConfig, tools });
    const { mimeType, data } = made.candidates[0].content.parts[0].inlineData;
    const head = readPicture(Buffer.from(data, 'base64'));
    assert.deepEqual([mimeType, head], ['image/png', { format: 'png', width: 2736, height: 1536 }]);
    const song = await bought(played, SONG, text('rain'));
    assert.equal(song.candidates[0].content.parts[0].inlineData.mimeType, 'audio/mpeg');
    assert.deepEqual(
      (await played.double.ledger()).map(({ model, prompt }) => [model, prompt]),
      [
        ['gemini-3-pro-image', 'a kite'],
        ['lyria-3-clip-preview', 'rain'],
      ],
    );
  });

  it('makes a video as an operation, and gives its file out for the key alone', async (t) => {
    const played = await playDouble(t, googleDouble);
    const { name } = await bought(played, VIDEO, framed);
    assert.match(name, /^models\/veo-3\.1-generate-preview\/operations\/\w+$/);
    const look = async () => Object(jsonOf(await played.send('GET', `/v1beta/${name}`, { headers }), 200));
    assert.deepEqual(await look(), { name });
    played.clock.advance(10_000);
    const { uri } = (await look()).response.generateVideoResponse.generatedSamples[0].video;
    jsonOf(await played.send('GET', uri), 400);
    const led = await played.send('GET', uri, { headers });
    assert.ok(led.kind === 'answer' && led.status === 302);
    const file = await played.send('GET', led.headers.get('location') ?? '');
    assert.ok(file.kind === 'answer' && file.headers.get('content-type') === 'video/mp4');
    jsonOf(await played.send('GET', '/v1beta/models/veo-3.1-generate-preview/operations/none', { headers }), 404);
  });

  it('refuses what Google refuses, and buys nothing', async (t) => {
    const played = await playDouble(t, googleDouble);
    const cases: [string, unknown, number, string][] = [
      [IMAGE, { ...text('x'), seed: 1 }, 400, 'INVALID_ARGUMENT'],
      [IMAGE, {}, 400, 'INVALID_ARGUMENT'],
      [
        IMAGE,
        { contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: 'eA==' } }] }] },
        400,
        'INVALID_ARGUMENT',
      ],
      [IMAGE, { ...text('x'), generationConfig: { imageConfig: { imageSize: '512' } } }, 400, 'INVALID_ARGUMENT'],
      [VIDEO, { ...framed, parameters: { durationSeconds: '4' } }, 400, 'INVALID_ARGUMENT'],
      ['/v1beta/models/gemini-9:generateContent', text('x'), 404, 'NOT_FOUND'],
      [VIDEO.replace('predictLongRunning', 'generateContent'), framed, 404, 'NOT_FOUND'],
    ];
    for (const [path, body, code, status] of cases) {
      const heard = jsonOf(await played.send('POST', path, { body, headers }), code);
      assert.partialDeepStrictEqual(heard, { error: { code, status } }, JSON.stringify(body));
    }
    jsonOf(await played.send('GET', '/v1beta/models', { headers: { 'x-goog-api-key': 'other' } }), 400);
    assert.deepEqual(await played.double.ledger(), []);
  });

  it('tells refusals of content, and failures', async (t) => {
    const endOf = async (fault: Fault, path: string, body: unknown) => {
      const played = await playDouble(t, googleDouble, { fault, durationMs: 0 });
      return { played, heard: await played.send('POST', path, { body, headers }) };
    };
    const refused = await endOf('p14-late-refusal', IMAGE, text('x'));
    assert.partialDeepStrictEqual(jsonOf(refused.heard, 200), { candidates: [{ finishReason: 'IMAGE_SAFETY' }] });
    const failed = await endOf('failed', IMAGE, text('x'));
    assert.partialDeepStrictEqual(jsonOf(failed.heard, 500), { error: { status: 'INTERNAL' } });
    for (const [fault, end] of [
      ['p14-late-refusal', { done: true, response: { generateVideoResponse: { raiMediaFilteredCount: 1 } } }],
      ['failed', { done: true, error: { code: 13 } }],
    ] as const) {
      const { played, heard } = await endOf(fault, VIDEO, framed);
      const { name } = Object(jsonOf(heard, 200));
      const look = await played.send('GET', `/v1beta/${name}`, { headers });
      assert.partialDeepStrictEqual(jsonOf(look, 200), end);
    }
  });
});
