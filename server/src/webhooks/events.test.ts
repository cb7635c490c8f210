import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WEBHOOK_BODY_BYTES_MAX, webhookBody, type WebhookJob } from './events.ts';

const JOB: WebhookJob = {
  id: '0190b5a0-0000-7000-8000-000000000001',
  model: 'flux-1.1-pro',
  status: 'COMPLETED',
  progress: 40,
  result: { images: ['https://media.example/1.png'] },
  error: 'No such luck',
  creditCost: 5,
  completedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
};

test('completed has exactly the fields of the contract, in its order', () => {
  assert.equal(
    webhookBody('completed', JOB),
    '{"event":"completed","jobId":"0190b5a0-0000-7000-8000-000000000001","status":"COMPLETED","progress":100,' +
      '"result":{"images":["https://media.example/1.png"]},"model":"flux-1.1-pro","creditCost":5,' +
      '"completedAt":"2026-01-02T03:04:05.006Z"}',
  );
});

test('failed has exactly the fields of the contract', () => {
  assert.deepEqual(JSON.parse(webhookBody('failed', { ...JOB, status: 'FAILED' })), {
    event: 'failed',
    jobId: JOB.id,
    status: 'FAILED',
    error: 'No such luck',
    model: 'flux-1.1-pro',
  });
});

test('a cancelled job is told as a failed event that says CANCELLED', () => {
  assert.partialDeepStrictEqual(JSON.parse(webhookBody('failed', { ...JOB, status: 'CANCELLED' })), {
    event: 'failed',
    status: 'CANCELLED',
  });
});

test('progress has exactly the fields of the contract', () => {
  assert.deepEqual(JSON.parse(webhookBody('progress', { ...JOB, status: 'PROCESSING' })), {
    event: 'progress',
    jobId: JOB.id,
    status: 'PROCESSING',
    progress: 40,
    model: 'flux-1.1-pro',
  });
});

test('no body is larger than a receiver is promised', () => {
  const worst = '\u0001\ud800€'.repeat(50_000);
  for (const body of [
    webhookBody('completed', { ...JOB, result: { images: [worst] } }),
    webhookBody('failed', { ...JOB, error: worst }),
  ]) {
    assert.ok(Buffer.byteLength(body) <= WEBHOOK_BODY_BYTES_MAX);
  }
  const justFits = { images: ['x'.repeat(19_000)] };
  assert.deepEqual(JSON.parse(webhookBody('completed', { ...JOB, result: justFits })).result, justFits);
});
