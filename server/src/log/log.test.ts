import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../core/clock.ts';
import { createLog, type LogLevel } from './log.ts';
import { redact } from './redact.ts';

const clock: Clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6), monotonicMs: () => 0, sleep: async () => {} };

function capture(level: LogLevel = 'info', pretty = false) {
  const lines: string[] = [];
  return { lines, log: createLog({ write: (line) => lines.push(line), clock, level, pretty }) };
}

test('a line is one JSON object with instant, level and event first', () => {
  const { lines, log } = capture();
  log.info('job.settled', { jobId: 'a', ms: 3, ok: true, error: null, none: undefined });
  assert.deepEqual(lines, [
    '{"at":"2026-01-02T03:04:05.006Z","level":"info","event":"job.settled","jobId":"a","ms":3,"ok":true,"error":null}\n',
  ]);
});

test("a value cannot start a new line, nor a field take the place of the line's own", () => {
  const { lines, log } = capture();
  log.warn('x', { text: 'a\n{"level":"fake"}', level: 'info', at: 'never' });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^[^\n]*\n$/);
  const line: unknown = JSON.parse(lines[0] ?? '');
  assert.deepEqual(line, {
    at: '2026-01-02T03:04:05.006Z',
    level: 'warn',
    event: 'x',
    text: 'a\n{"level":"fake"}',
    field_level: 'info',
    field_at: 'never',
  });
});

test('lines below the level are not written', () => {
  for (const [level, expected] of [
    ['info', 3],
    ['warn', 2],
    ['error', 1],
    ['silent', 0],
  ] as const) {
    const { lines, log } = capture(level);
    log.info('a');
    log.warn('b');
    log.error('c');
    assert.equal(lines.length, expected, level);
  }
});

test('an error is written with its stack and its causes, redacted, and endless chains end', () => {
  const { lines, log } = capture();
  const inner = new Error('refused afk_live_0123456789');
  inner.cause = inner;
  log.error('job.failed', { jobId: 'a' }, new TypeError('outer', { cause: inner }));
  log.error('job.failed', {}, 'just text');
  const text = lines.join('');
  assert.match(text, /TypeError: outer/);
  assert.match(text, /caused by: Error: refused afk_\[redacted\]/);
  assert.match(text, /log\.test\.ts/);
  assert.match(text, /just text/);
  assert.doesNotMatch(text, /0123456789/);
});

test('what looks like a secret is taken out of every value', () => {
  const cases: [string, string][] = [
    ['key afk_abcDEF123_x-y was used', 'key afk_[redacted] was used'],
    ['afk_test_1,afk_2', 'afk_[redacted],afk_[redacted]'],
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw==', 'whsec_[redacted]'],
    ['Authorization: Bearer eyJhbGciOi.J9.x-_', 'Authorization: Bearer [redacted]'],
    ['https://cdn.example/a.png?sig=abc&exp=1 done', 'https://cdn.example/a.png?[redacted] done'],
    ['https://cdn.example?sig=abc', 'https://cdn.example?[redacted]'],
    ['"https://a.example/x#token" ok', '"https://a.example/x?[redacted]" ok'],
    ['GET /files/a?token=1', 'GET /files/a?[redacted]'],
    ['postgres://user:pass@db:5432/x', 'postgres://[redacted]@db:5432/x'],
    ['what? nothing /here', 'what? nothing /here'],
    ['flux-1.1-pro 42%', 'flux-1.1-pro 42%'],
  ];
  for (const [from, to] of cases) assert.equal(redact(from), to);
  const { lines, log } = capture();
  log.info('x', { url: 'https://a.example/b?sig=SECRET', key: 'afk_SECRET' });
  assert.doesNotMatch(lines.join(''), /SECRET/);
});

test('long values are cut, and hostile ones cost no time', () => {
  assert.equal(redact('a'.repeat(10_000)).length, 2_001);
  const startedAt = performance.now();
  for (const text of ['/'.repeat(1e6), 'bearer '.repeat(1e5), '//'.repeat(1e5), 'afk_'.repeat(1e5)]) redact(text);
  assert.ok(performance.now() - startedAt < 1_000);
});

test('the pretty form is one line and quotes what could mislead', () => {
  const { lines, log } = capture('info', true);
  log.info('job.settled', { jobId: 'a', text: 'two words', escape: '\u001b[2J\n' });
  assert.deepEqual(lines, ['03:04:05.006 info  job.settled jobId=a text="two words" escape="\\u001b[2J\\n"\n']);
});
