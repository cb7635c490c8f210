import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/elevenlabs.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import { elevenlabsRefusalKind } from './elevenlabs-failure.ts';
import { adapter as elevenlabs } from './elevenlabs.ts';
import { callOf, readFixture, tryStarted } from './fixture-kit.ts';
import fixtureFile from './fixtures/elevenlabs.json' with { type: 'json' };
import { answerFrom } from './hostile-answers-kit.ts';

conformanceTests(elevenlabs, fixtureFile, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['model_id'],
  statusField: null,
});

const fixture = readFixture(fixtureFile);
const SOUND = 'data:audio/mpeg;base64,//uQxAAA';

it('says in the address what kind of sound is wanted, and not in the body', () => {
  const parameters = { prompt: 'rain', output_format: 'mp3_44100_128&model=x' };
  const { url, body } = elevenlabs.start({ ...callOf(fixture), parameters });
  assert.equal(url, 'https://api.elevenlabs.io/v1/music?output_format=mp3_44100_128%26model%3Dx');
  assert.deepEqual(JSON.parse(body ?? ''), { prompt: 'rain', model_id: 'music_v1' });
});

it('takes no song for the id that is none, and no song at all out of a refusal or a picture', () => {
  const heard = (status: number, file: string, song: string): unknown =>
    tryStarted(elevenlabs, { status, headers: { 'song-id': song }, json: null, text: '', file }, fixture);
  assert.partialDeepStrictEqual(heard(200, SOUND, '../x'), { outcome: { outputs: [{ track: { id: null } }] } });
  assert.partialDeepStrictEqual(heard(200, SOUND, 'a'.repeat(101)), {
    outcome: { outputs: [{ track: { id: null } }] },
  });
  assert.partialDeepStrictEqual(heard(422, SOUND, 'a'), { state: 'failed', kind: 'input_rejected' });
  assert.partialDeepStrictEqual(heard(200, 'data:image/png;base64,AAAA', 'a'), { state: 'unclear' });
});

for (const [status, word, kind] of [
  [400, 'bad_prompt', 'content_refused'],
  [422, 'bad_prompt', 'content_refused'],
  [422, 'bad_composition_plan', 'content_refused'],
  [422, '', 'input_rejected'],
  [401, 'quota_exceeded', 'quota'],
  [401, 'invalid_api_key', 'unauthorized'],
  [401, 'missing_permissions', 'unauthorized'],
  [401, 'detected_unusual_activity', 'unauthorized'],
  [402, '', 'quota'],
  [403, 'output_format_not_allowed', 'quota'],
  [429, 'too_many_concurrent_requests', 'rate_limited'],
  [429, 'system_busy', 'rate_limited'],
  [429, 'quota_exceeded', 'quota'],
  [500, '', 'unavailable'],
] as const) {
  it(`reads ${status} "${word}" as ${kind}`, () => {
    const body = JSON.stringify({ detail: { status: word, message: 'x' } });
    assert.equal(elevenlabsRefusalKind(answerFrom(status, body)), kind);
  });
}
