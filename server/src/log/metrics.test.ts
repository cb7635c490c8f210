import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics, SERIES_MAX } from './metrics.ts';

const VALUE = String.raw`(NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]\d+)?)`;
const LABEL = String.raw`[a-zA-Z_]\w*="([^"\\\n]|\\[\\"n])*"`;
const LINE = new RegExp(
  `^(# HELP [a-zA-Z_:][\\w:]* [^\\n]*|# TYPE [a-zA-Z_:][\\w:]* (counter|gauge|histogram)|# [^\\n]*|[a-zA-Z_:][\\w:]*(\\{${LABEL}(,${LABEL})*\\})? ${VALUE})$`,
);

async function renderValid(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  const text = await metrics.render();
  assert.ok(text.endsWith('\n'));
  const lines = text.slice(0, -1).split('\n');
  for (const line of lines) if (line !== '') assert.match(line, LINE);
  return lines;
}

test('each kind of metric is rendered with help, type and samples, in valid text', async () => {
  const metrics = createMetrics();
  const jobs = metrics.counter('lumegate_jobs_total', 'Jobs by end.', ['status']);
  const plain = metrics.counter('lumegate_starts_total', 'Starts.', []);
  metrics.gauge('lumegate_queue', 'Waiting.', [], () => 7);
  metrics.gauge('lumegate_in_flight', 'In flight.', ['provider'], async () => [
    { labels: { provider: 'bfl' }, value: 2.5 },
  ]);
  const seconds = metrics.histogram('lumegate_seconds', 'Time.', ['route'], [0.1, 1]);
  jobs.add({ status: 'COMPLETED' });
  jobs.add({ status: 'COMPLETED' }, 2);
  plain.add({});
  for (const value of [0.05, 0.1, 0.5, 3]) seconds.observe({ route: 'x' }, value);
  assert.deepEqual(await renderValid(metrics), [
    '# HELP lumegate_jobs_total Jobs by end.',
    '# TYPE lumegate_jobs_total counter',
    'lumegate_jobs_total{status="COMPLETED"} 3',
    '# HELP lumegate_starts_total Starts.',
    '# TYPE lumegate_starts_total counter',
    'lumegate_starts_total 1',
    '# HELP lumegate_queue Waiting.',
    '# TYPE lumegate_queue gauge',
    'lumegate_queue 7',
    '# HELP lumegate_in_flight In flight.',
    '# TYPE lumegate_in_flight gauge',
    'lumegate_in_flight{provider="bfl"} 2.5',
    '# HELP lumegate_seconds Time.',
    '# TYPE lumegate_seconds histogram',
    'lumegate_seconds_bucket{route="x",le="0.1"} 2',
    'lumegate_seconds_bucket{route="x",le="1"} 3',
    'lumegate_seconds_bucket{route="x",le="+Inf"} 4',
    'lumegate_seconds_sum{route="x"} 3.65',
    'lumegate_seconds_count{route="x"} 4',
  ]);
});

test('metrics without labels start at zero', async () => {
  const metrics = createMetrics();
  metrics.counter('a_total', 'A.', []);
  metrics.histogram('b', 'B.', [], [1]);
  const lines = await renderValid(metrics);
  for (const line of ['a_total 0', 'b_bucket{le="1"} 0', 'b_bucket{le="+Inf"} 0', 'b_sum 0', 'b_count 0']) {
    assert.ok(lines.includes(line), line);
  }
});

test('hostile label values and help texts cannot break out of their line', async () => {
  const metrics = createMetrics();
  metrics.counter('a_total', 'One\nfake_total 1 \\', ['label']).add({ label: 'x"} 1\nfake_total 1 \\' });
  const lines = await renderValid(metrics);
  assert.equal(lines.length, 3);
  assert.equal(lines[2], String.raw`a_total{label="x\"} 1\nfake_total 1 \\"} 1`);
});

test('the number of series is bounded, and what is over is counted as other', async () => {
  const metrics = createMetrics();
  const counter = metrics.counter('a_total', 'A.', ['one', 'two']);
  for (let index = 0; index < SERIES_MAX * 3; index += 1) counter.add({ one: `v${index}`, two: 'x' });
  counter.add({ one: 'v0', two: 'x' });
  const lines = (await renderValid(metrics)).slice(2);
  assert.equal(lines.length, SERIES_MAX);
  assert.ok(lines.includes('a_total{one="v0",two="x"} 2'));
  assert.ok(lines.includes(`a_total{one="other",two="other"} ${SERIES_MAX * 2 + 1}`));
});

test('a gauge that fails hides no other, and odd numbers are written as Prometheus reads them', async () => {
  const metrics = createMetrics();
  metrics.gauge('bad', 'Bad.', [], () => Promise.reject(new Error('database gone')));
  metrics.gauge('odd', 'Odd.', ['kind'], () => [
    { labels: { kind: 'nan' }, value: Number.NaN },
    { labels: { kind: 'inf' }, value: -Infinity },
    { labels: { kind: 'big' }, value: 1e21 },
  ]);
  const lines = await renderValid(metrics);
  assert.deepEqual(lines.slice(-3), ['odd{kind="nan"} NaN', 'odd{kind="inf"} -Inf', 'odd{kind="big"} 1e+21']);
  assert.doesNotMatch(lines.join(), /database gone/);
});

test('mistakes are thrown where the metric is made or used', () => {
  const metrics = createMetrics();
  metrics.counter('a_total', 'A.', []);
  assert.throws(() => metrics.counter('a_total', 'A.', []));
  assert.throws(() => metrics.counter('1a', 'A.', []));
  assert.throws(() => metrics.counter('b', 'B.', ['le']));
  assert.throws(() => metrics.histogram('c', 'C.', [], [1, 1]));
  assert.throws(() => metrics.counter('d', 'D.', []).add({}, -1));
  assert.throws(() => metrics.counter('e', 'E.', []).add({}, Number.NaN));
});

test('a value that is no number does not spoil a histogram', async () => {
  const metrics = createMetrics();
  const histogram = metrics.histogram('a', 'A.', [], [1]);
  histogram.observe({}, Number.NaN);
  histogram.observe({}, 0.5);
  assert.ok((await renderValid(metrics)).includes('a_sum 0.5'));
});
