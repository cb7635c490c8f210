import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';

import { signatureHeaders, webhookSecret } from './sign.ts';

const KEY = `afk_${'0'.repeat(40)}`;
const BODY = '{"jobId":"abc","status":"COMPLETED"}';
const keyDigest = createHash('sha256').update(KEY).digest();
const sign = (form: 'raw' | 'hex', at = Date.now(), body = BODY): Record<string, string> =>
  signatureHeaders({ id: 'event-1', at, body, keyDigest, form });

test('the compatible signature matches the contract’s vector, keyed with the digest’s bytes', () => {
  assert.equal(
    sign('raw')['x-webhook-signature'],
    'sha256=58e6d7af820911d918b1b43ade255ec260002ca8b24ba46dd057a99d192c89f4',
  );
});

test('by setting it matches the vector keyed with the digest’s hex text', () => {
  assert.equal(
    sign('hex')['x-webhook-signature'],
    'sha256=2cb660473e59908c969f761f7444eda6c9067d13d2d83a0057fb8fb5197c60af',
  );
});

test('a Standard Webhooks receiver verifies with a secret that the API key alone gives, whatever the form', () => {
  const secret = `whsec_${createHash('sha256').update(KEY).digest('base64')}`;
  assert.equal(webhookSecret(keyDigest), secret);
  for (const form of ['raw', 'hex'] as const) {
    assert.deepEqual(new Webhook(secret).verify(BODY, sign(form)), JSON.parse(BODY));
  }
});

test('the Standard Webhooks signature covers id, whole seconds and body', () => {
  const headers = sign('raw', 1_674_087_231_999);
  const expected = createHmac('sha256', keyDigest).update(`event-1.1674087231.${BODY}`).digest('base64');
  assert.deepEqual(
    [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature']],
    ['event-1', '1674087231', `v1,${expected}`],
  );
});

test('text beyond ASCII is signed as the bytes that are sent', () => {
  const body = '{"error":"Größe €🙂"}';
  const headers = sign('raw', Date.now(), body);
  assert.ok(new Webhook(webhookSecret(keyDigest)).verify(Buffer.from(body), headers));
  const expected = createHmac('sha256', keyDigest).update(Buffer.from(body)).digest('hex');
  assert.equal(headers['x-webhook-signature'], `sha256=${expected}`);
});

test('a receiver refuses a replay after five minutes, a stamp from the future and any flipped bit', () => {
  const receiver = new Webhook(webhookSecret(keyDigest));
  assert.throws(() => receiver.verify(BODY, sign('raw', Date.now() - 301_000)), /too old/);
  assert.throws(() => receiver.verify(BODY, sign('raw', Date.now() + 310_000)), /too new/);
  const headers = sign('raw');
  for (let bit = 0; bit < BODY.length * 8; bit += 1) {
    const bytes = Buffer.from(BODY);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => receiver.verify(bytes, headers), /No matching signature/);
    const forged = createHmac('sha256', keyDigest).update(bytes).digest('hex');
    assert.notEqual(headers['x-webhook-signature'], `sha256=${forged}`);
  }
});
