import assert from 'node:assert/strict';
import { it } from 'node:test';

import { allowedUrl, keptUrl } from './allowed-url.ts';
import { FOREIGN_URLS } from './hostile-answers-kit.ts';

const place = { baseUrl: 'https://api.bfl.ai', hosts: ['*.bfl.ai', 'queue.fal.run'] };

it('allows the origin of the base address, whatever it is, and the listed hosts by HTTPS', () => {
  for (const url of ['https://api.bfl.ai/v1/x?id=1', 'https://api.eu1.bfl.ai/v1/x', 'https://queue.fal.run/a']) {
    assert.equal(allowedUrl(url, place), url);
  }
  const own = { baseUrl: 'http://127.0.0.1:8080/v1', hosts: [] };
  assert.equal(allowedUrl('http://127.0.0.1:8080/other', own), 'http://127.0.0.1:8080/other');
});

it('allows no other port, scheme, host or user', () => {
  for (const url of FOREIGN_URLS) assert.equal(allowedUrl(url, place), null, url.slice(0, 60));
  assert.equal(allowedUrl('http://127.0.0.1:8081/', { baseUrl: 'http://127.0.0.1:8080', hosts: [] }), null);
  assert.equal(allowedUrl('data:a,b', { baseUrl: 'data:a', hosts: [] }), null);
  assert.equal(allowedUrl(null, place), null);
});

it('keeps no address that is none or too long', () => {
  assert.equal(keptUrl('https://a.example/b'), 'https://a.example/b');
  for (const url of [null, undefined, '', 'no address', `https://a.example/${'b'.repeat(2_000)}`]) {
    assert.equal(keptUrl(url), null);
  }
});
