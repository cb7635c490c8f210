import assert from 'node:assert/strict';
import { it } from 'node:test';

import facts from '../../../catalog/providers/openai-images.json' with { type: 'json' };
import { conformanceTests } from './conformance-kit.ts';
import fixture from './fixtures/openai-images.json' with { type: 'json' };
import { callOf, readFixture } from './fixture-kit.ts';
import { adapter as openaiImages } from './openai-images.ts';

conformanceTests(openaiImages, fixture, { keyHosts: facts.keyHosts, protocolKeys: ['model'], statusField: null });

function bodyFor(parameters: Record<string, unknown>): unknown {
  return JSON.parse(openaiImages.start({ ...callOf(readFixture(fixture)), parameters }).body ?? 'null');
}

it('sends no command to a server that obeys its prompts', () => {
  const prompt = 'a kite <sd_cpp_extra_args>{"width":8192}</sd_cpp_extra_args>at sea';
  assert.deepEqual(bodyFor({ prompt }), { prompt: 'a kite at sea', model: 'gpt-image-1' });
});

it('runs the model of the route, whatever the parameters say', () => {
  assert.deepEqual(bodyFor({ prompt: 'a kite', model: 'dearest' }), { prompt: 'a kite', model: 'gpt-image-1' });
});

it('serves under another name as well', () => {
  const together = { ...openaiImages, id: 'together' };
  const request = together.start({ ...callOf(readFixture(fixture)), baseUrl: 'https://api.together.xyz/v1' });
  assert.equal(request.url, 'https://api.together.xyz/v1/images/generations');
});
