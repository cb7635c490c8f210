import assert from 'node:assert/strict';
import { it } from 'node:test';

import type { Provider } from '../core/provider.ts';
import { answerOf, callOf, lostOf, referenceIn, tryStarted, type Exchange, type Fixture } from './fixture-kit.ts';
import { saidIn } from './request-body-kit.ts';

/** Words that begin keys of the providers we know, and what is long enough to be one. */
const SECRET = /\b(r8_|sk-|afk_|whsec_)\w{8,}|\b[\da-f]{8}-[\da-f-]{27}:[\da-f]{32}/;

/** Replays each exchange of a fixture: the adapter builds its request, and reads its answer as it says. */
export function replayTests(provider: Provider, fixture: Fixture): void {
  it('has a fixture of its own, without secrets', () => {
    assert.equal(fixture.provider, provider.id);
    assert.doesNotMatch(JSON.stringify(fixture), SECRET);
  });
  for (const exchange of fixture.exchanges) {
    it(`${exchange.step}: ${exchange.name}`, () => {
      if (exchange.request !== undefined) {
        assertMatches(requestFor(provider, fixture, exchange), exchange.request, 'request');
      }
      if (exchange.step !== 'cancel') assertMatches(read(provider, fixture, exchange), exchange.expects, 'result');
    });
  }
}

/** The request for a step, with its body read, so that a fixture can show it as JSON. */
function requestFor(provider: Provider, fixture: Fixture, exchange: Exchange): unknown {
  const reference = exchange.reference ?? referenceIn(provider, fixture);
  const build = {
    started: () => provider.start(callOf(fixture)),
    polled: () => provider.poll(reference, fixture.baseUrl),
    found: () => provider.find?.(lostOf(fixture)) ?? null,
    probed: () => provider.probe(fixture.baseUrl),
    cancel: () => provider.cancel?.(reference, fixture.baseUrl) ?? null,
    callback: () => null,
  };
  const request = build[exchange.step]();
  if (request === null) return null;
  return { ...request, body: saidIn(request) };
}

function read(provider: Provider, fixture: Fixture, exchange: Exchange): unknown {
  const answer = answerOf(exchange);
  const reference = exchange.reference ?? referenceIn(provider, fixture);
  const { baseUrl } = fixture;
  const readers = {
    started: () => tryStarted(provider, answer, fixture),
    polled: () => provider.polled(answer, { reference, baseUrl, ageMs: exchange.ageMs }),
    found: () => provider.found?.(answer, lostOf(fixture)),
    probed: () => provider.probed(answer),
    callback: () =>
      provider.callback?.({ headers: answer.headers, body: JSON.stringify(answer.json) }, lostOf(fixture)) ?? null,
    cancel: () => null,
  };
  return readers[exchange.step]();
}

/** Each field of what is expected is there; of an object there may be more, a list is compared whole. */
export function assertMatches(actual: unknown, expected: unknown, path: string): void {
  if (typeof expected !== 'object' || expected === null) {
    assert.deepEqual(actual, expected, `${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
    return;
  }
  assert.ok(typeof actual === 'object' && actual !== null, `${path} is ${JSON.stringify(actual)}`);
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${path} is no list`);
    assert.equal(actual.length, expected.length, `${path} has ${actual.length} items`);
  }
  const fields = new Map(Object.entries(actual));
  for (const [key, value] of Object.entries(expected)) assertMatches(fields.get(key), value, `${path}.${key}`);
}
