import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Provider, ProviderReference } from '../core/provider.ts';
import { assertFound, assertPolled, assertProbed, assertReference, assertStarted } from './check-results-kit.ts';
import { answerOf, callOf, lostOf, readFixture, referenceIn, tryStarted, type Fixture } from './fixture-kit.ts';
import { answerFrom, FOREIGN_URLS, HOSTILE_BODIES, hostileAnswers, UNKNOWN_WORDS } from './hostile-answers-kit.ts';
import { replayTests } from './replay-kit.ts';
import { asForm, saidIn } from './request-body-kit.ts';

/** What the suite has to know about one adapter. */
export interface ConformanceOptions {
  /** As in the provider's facts file: hosts beside that of the base address to which the key may go. */
  keyHosts: readonly string[];
  /** Top-level keys of a start's body that are the protocol's own. */
  protocolKeys: readonly string[];
  /** Where the parameters stand in a start's body: by default the body without the protocol's keys; null for a body of another shape. */
  sentParameters?: ((body: Record<string, unknown>) => unknown) | null;
  /** The field of a poll's answer that tells the state, with dots for what lies deeper; null where the answer to the start is the result. */
  statusField: string | null;
  /** Starts are forms: parameters go as parts, each number as text and each file as a `data:` URL. */
  isForm?: boolean;
}

/** The suite that each adapter passes. Give it the contents of the adapter's fixture file. */
export function conformanceTests(provider: Provider, fixtureFile: unknown, options: ConformanceOptions): void {
  const fixture = readFixture(fixtureFile);
  describe(`the adapter ${provider.id}`, () => {
    replayTests(provider, fixture);
    startTests(provider, fixture, options);
    hostileTests(provider, fixture);
    if (options.statusField !== null) statusTests(provider, fixture, options.statusField);
    addressTests(provider, fixture, options);
    retryAfterTests(provider, fixture);
    purityTests(provider, fixture);
  });
}

function startTests(provider: Provider, fixture: Fixture, options: ConformanceOptions): void {
  const { protocolKeys, sentParameters, isForm = false } = options;
  it(`starts with one POST of ${isForm ? 'a form' : 'JSON'} on the base address`, () => {
    const request = provider.start(callOf(fixture));
    assert.equal(request.method, 'POST');
    assert.ok(request.url.startsWith(`${fixture.baseUrl}/`), request.url);
    assert.equal(request.headers['content-type'], isForm ? undefined : 'application/json');
    assert.equal(request.form !== undefined, isForm);
    assert.equal(request.headers['authorization'], undefined, 'the engine adds the key itself');
  });
  it('sends the parameters exactly as they were given, and nothing else but what the protocol needs', () => {
    if (sentParameters === null) return;
    const body = saidIn(provider.start(callOf(fixture)));
    const given = isForm ? asForm(fixture.call.parameters) : fixture.call.parameters;
    assert.ok(typeof body === 'object' && body !== null);
    const fields = Object.entries(body);
    const others = Object.fromEntries(fields.filter(([key]) => !protocolKeys.includes(key)));
    assert.deepEqual(sentParameters?.(Object.fromEntries(fields)) ?? others, given);
    if (sentParameters !== undefined) assert.deepEqual(others, {});
  });
  it('names no callback address where there is none', () => {
    const request = provider.start({ ...callOf(fixture), callbackUrl: null });
    assert.ok(!`${request.url} ${request.body}`.includes('webhook'), request.url);
  });
  it('can be asked to look a lost purchase up only if it can read the answer', () => {
    assert.equal(provider.find === undefined, provider.found === undefined);
  });
}

function hostileTests(provider: Provider, fixture: Fixture): void {
  const reference = referenceIn(provider, fixture);
  it('reads any answer to a start without throwing, and none of success as a refusal', () => {
    for (const { name, answer } of hostileAnswers()) {
      const started = tryStarted(provider, answer, fixture);
      if (started.state === 'unclear') continue;
      assertStarted(started, name);
      if (answer.status >= 300 || started.state !== 'failed') continue;
      assert.equal(started.kind, 'unknown', `${name} may have bought something`);
    }
  });
  it('reads any answer to a look without throwing, and gives up no bought work for a garbled one', () => {
    for (const { name, answer } of hostileAnswers()) {
      for (const ageMs of [0, 600_000]) {
        const polled = provider.polled(answer, { reference, baseUrl: fixture.baseUrl, ageMs });
        assertPolled(polled, name);
        if (answer.status < 300 && answer.json === null) assert.equal(polled.state, 'pending', name);
      }
    }
  });
  it('reads any list of past work, any answer about a key and any callback without throwing', () => {
    for (const { name, answer } of hostileAnswers()) {
      if (provider.found !== undefined) assertFound(provider.found(answer, lostOf(fixture)), { name, answer });
      assertProbed(provider.probed(answer), { name, answer });
    }
    for (const { name, body } of HOSTILE_BODIES) {
      const hint = provider.callback?.({ headers: {}, body }, lostOf(fixture)) ?? null;
      if (hint !== null) assertReference(hint, name);
    }
  });
  it('believes no list that came with an error', () => {
    for (const exchange of fixture.exchanges.filter(({ step }) => step === 'found')) {
      for (const status of [401, 429, 500]) {
        assert.equal(provider.found?.({ ...answerOf(exchange), status }, lostOf(fixture)), 'unsure', exchange.name);
      }
    }
  });
}

function statusTests(provider: Provider, fixture: Fixture, statusField: string): void {
  const reference = referenceIn(provider, fixture);
  it('takes every status that it does not know for work going on', () => {
    const pending = fixture.exchanges.filter(({ step, expects }) => step === 'polled' && isPending(expects));
    assert.ok(pending.length > 0, 'the fixture shows work going on');
    for (const exchange of pending) {
      for (const word of UNKNOWN_WORDS) {
        const shown = answerOf(exchange);
        const answer = answerFrom(200, JSON.stringify(withField(shown.json, statusField, word)));
        const polled = provider.polled(answer, { reference, baseUrl: fixture.baseUrl, ageMs: 3_600_000 });
        assert.equal(polled.state, 'pending', word.slice(0, 40));
      }
    }
  });
}

/** A copy of the object with another value in one field. */
function withField(json: unknown, place: string, value: string): unknown {
  const [name = '', ...rest] = place.split('.');
  const fields: Record<string, unknown> = { ...Object(json) };
  return { ...fields, [name]: rest.length === 0 ? value : withField(fields[name], rest.join('.'), value) };
}

function isPending(expects: unknown): boolean {
  return typeof expects === 'object' && expects !== null && 'state' in expects && expects.state === 'pending';
}

function addressTests(provider: Provider, fixture: Fixture, options: ConformanceOptions): void {
  const { baseUrl } = fixture;
  const place = { baseUrl, keyHosts: options.keyHosts };
  it('sends no request to an address that an answer made up', () => {
    for (const url of FOREIGN_URLS) {
      for (const exchange of fixture.exchanges) {
        const answer = withUrls(answerOf(exchange), url);
        for (const made of requestsAfter(provider, fixture, { step: exchange.step, answer })) {
          assertAllowed(made, place);
        }
      }
    }
  });
  it('asks nobody but the provider', () => {
    assertAllowed(provider.start(callOf(fixture)).url, place);
    assertAllowed(provider.probe(baseUrl).url, place);
    if (provider.find !== undefined) assertAllowed(provider.find(lostOf(fixture)).url, place);
  });
}

/** Addresses of every request that follows upon one answer. */
function requestsAfter(
  provider: Provider,
  fixture: Fixture,
  given: { step: string; answer: ReturnType<typeof answerOf> },
): string[] {
  const { baseUrl } = fixture;
  const { step, answer } = given;
  const ask = (reference: ProviderReference): string[] => {
    const stop = provider.cancel?.(reference, baseUrl) ?? null;
    return [provider.poll(reference, baseUrl).url, ...(stop === null ? [] : [stop.url])];
  };
  if (step === 'started') {
    const started = tryStarted(provider, answer, fixture);
    return started.state === 'failed' || started.state === 'unclear' ? [] : ask(started.reference);
  }
  if (step === 'polled') {
    const polled = provider.polled(answer, { reference: referenceIn(provider, fixture), baseUrl, ageMs: 60_000 });
    return polled.state === 'follow' ? [polled.request.url] : [];
  }
  if (step === 'callback') {
    const hint = provider.callback?.({ headers: {}, body: JSON.stringify(answer.json) }, lostOf(fixture)) ?? null;
    return hint === null ? [] : ask(hint);
  }
  const found = step === 'found' ? (provider.found?.(answer, lostOf(fixture)) ?? 'unsure') : 'unsure';
  if (found === 'unsure') return [];
  return [...found.candidates.flatMap(ask), ...(found.next === null ? [] : [found.next.url])];
}

/** The answer with every address in it replaced. */
function withUrls(answer: ReturnType<typeof answerOf>, url: string): ReturnType<typeof answerOf> {
  const text = JSON.stringify(answer.json, (_key, value: unknown) =>
    typeof value === 'string' && /^https?:/.test(value) ? url : value,
  );
  return { ...answer, ...answerFrom(answer.status, text, answer.headers) };
}

function assertAllowed(url: string, place: { baseUrl: string; keyHosts: readonly string[] }): void {
  const parsed = new URL(url);
  if (parsed.origin === new URL(place.baseUrl).origin) return;
  const isListed = place.keyHosts.some((host) =>
    host.startsWith('*.') ? parsed.hostname.endsWith(host.slice(1)) : parsed.hostname === host,
  );
  assert.ok(isListed && parsed.protocol === 'https:' && parsed.port === '' && parsed.username === '', url);
}

function retryAfterTests(provider: Provider, fixture: Fixture): void {
  const at = 'Sun, 22 Nov 2026 10:00:00 GMT';
  const wait = (headers: Record<string, string>): number | null => {
    const started = provider.started(answerFrom(429, '{}', headers), callOf(fixture));
    assert.equal(started.state, 'failed');
    assert.ok(started.state === 'failed' && started.kind === 'rate_limited');
    return started.retryAfterMs;
  };
  it('hears how long it shall wait, in seconds or until a date', () => {
    assert.equal(wait({ 'retry-after': '7' }), 7_000);
    assert.equal(wait({ 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT', date: at }), 30_000);
    assert.equal(wait({ 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT', date: at }), 0);
  });
  it('makes no wait up, and none of an absurd one', () => {
    for (const text of ['soon', '', '-5', '1e9', '0x10']) assert.equal(wait({ 'retry-after': text }), null, text);
    assert.equal(wait({}), null);
    const longest = wait({ 'retry-after': '1000000000' });
    assert.ok(longest !== null && longest <= 24 * 60 * 60_000);
  });
  it('tells a bad key, an empty purse and a busy provider apart', () => {
    for (const [status, kind] of [
      [401, 'unauthorized'],
      [402, 'quota'],
      [503, 'unavailable'],
    ] as const) {
      const started = provider.started(answerFrom(status, ''), callOf(fixture));
      assert.equal(started.state === 'failed' && started.kind, kind, String(status));
      const probed = provider.probed(answerFrom(status, ''));
      assert.equal(probed.state === 'failed' && probed.kind, kind, String(status));
    }
  });
}

function purityTests(provider: Provider, fixture: Fixture): void {
  it('gives the same for the same, and changes nothing that it was given', () => {
    const everything = (): unknown[] => [
      provider.start(freeze(callOf(fixture))),
      provider.find?.(freeze(lostOf(fixture))),
      provider.probe(fixture.baseUrl),
      ...fixture.exchanges.flatMap((exchange) => {
        const answer = freeze(answerOf(exchange));
        return [
          tryStarted(provider, answer, fixture),
          provider.polled(
            answer,
            freeze({ reference: referenceIn(provider, fixture), baseUrl: fixture.baseUrl, ageMs: 1 }),
          ),
          provider.found?.(answer, freeze(lostOf(fixture))),
          provider.probed(answer),
        ];
      }),
    ];
    assert.deepEqual(everything(), everything());
  });
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) freeze(inner);
  }
  return value;
}
