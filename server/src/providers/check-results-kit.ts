import assert from 'node:assert/strict';

import { FAILURE_KINDS, type Outcome } from '../core/outcome.ts';
import type { Found, Polled, Probed, ProviderAnswer, ProviderReference, Started } from '../core/provider.ts';
import { CANARY_KEY } from './hostile-answers-kit.ts';

const TEXT_CHARACTERS_MAX = 500;
const REFERENCE_BYTES_MAX = 8 * 1024;

/** A reference that can be stored. */
export function assertReference(reference: ProviderReference, name: string): void {
  assert.deepEqual(Object.keys(reference).toSorted(), ['cancelUrl', 'id', 'pollUrl'], name);
  assert.ok(Buffer.byteLength(JSON.stringify(reference)) <= REFERENCE_BYTES_MAX, `${name}: the reference is too large`);
  assert.doesNotMatch(reference.id, /[\p{Cc}\p{Cs}/?#\\]|^\.+$/u, name);
}

/** A result of `started` that the engine can act on. */
export function assertStarted(started: Started, name: string): void {
  if (started.state === 'failed') return assertOutcome(started, name);
  assertReference(started.reference, name);
  if (started.state === 'accepted-done') assertOutcome(started.outcome, name);
  else assertAmount(started.costMicroUsd, name);
}

/** A result of `polled` that the engine can act on. */
export function assertPolled(polled: Polled, name: string): void {
  if (polled.state === 'follow') assert.equal(polled.request.method, 'GET', name);
  else assertOutcome(polled, name);
}

function assertOutcome(outcome: Outcome, name: string): void {
  switch (outcome.state) {
    case 'pending':
      assert.ok(outcome.progress === null || (outcome.progress >= 0 && outcome.progress <= 100), name);
      return;
    case 'completed':
      assertAmount(outcome.costMicroUsd, name);
      assert.ok(outcome.outputs.length > 0, `${name}: completed without a file`);
      assert.ok(outcome.seed === null || Number.isSafeInteger(outcome.seed), name);
      for (const { url } of outcome.outputs) assert.match(url, /^(https?:|data:)/i, name);
      return;
    case 'failed':
      assertWords(outcome, name);
      assert.ok(outcome.retryAfterMs === null || Number.isSafeInteger(outcome.retryAfterMs), name);
      return;
  }
}

function assertWords(failed: { kind: string; text: string }, name: string): void {
  assert.ok(
    FAILURE_KINDS.some((kind) => kind === failed.kind),
    `${name}: ${failed.kind}`,
  );
  assert.ok(failed.text.length > 0 && failed.text.length <= TEXT_CHARACTERS_MAX, `${name}: ${failed.text.length}`);
  assert.ok(!failed.text.includes(CANARY_KEY), `${name}: the text holds the key`);
  assert.ok(failed.text.isWellFormed(), `${name}: the text cannot be stored`);
  assert.doesNotMatch(failed.text, /\p{Cc}/u, `${name}: the text cannot be stored`);
}

function assertAmount(amount: number | null, name: string): void {
  assert.ok(amount === null || (Number.isSafeInteger(amount) && amount >= 0), `${name}: ${amount}`);
}

/** An error is never read as "there is none": that would be taken for leave to buy again. */
export function assertFound(found: Found, seen: { name: string; answer: ProviderAnswer }): void {
  const { name, answer } = seen;
  if (answer.status >= 300 || answer.json === null) return assert.equal(found, 'unsure', name);
  if (found !== 'unsure') for (const reference of found.candidates) assertReference(reference, name);
}

/** A key is never called good for an answer that is no success. */
export function assertProbed(probed: Probed, seen: { name: string; answer: ProviderAnswer }): void {
  const { name, answer } = seen;
  if (answer.status >= 300) assert.equal(probed.state, 'failed', name);
  if (probed.state === 'failed') return assertWords(probed, name);
  assert.ok(probed.text.length <= TEXT_CHARACTERS_MAX, name);
  assert.ok(probed.balanceMicroUsd === null || Number.isSafeInteger(probed.balanceMicroUsd), name);
}
