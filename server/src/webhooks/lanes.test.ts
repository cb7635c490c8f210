import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLanes, HOST_LANES, TRIES_AT_ONCE_MAX, type Lanes } from './lanes.ts';

const of = (host: string, count: number): { host: string }[] => Array.from({ length: count }, () => ({ host }));
const hosts = (count: number): { host: string }[] =>
  Array.from({ length: count }, (_, index) => ({ host: `h${index}` }));

function prove(lanes: Lanes, host: string): void {
  lanes.begin(host);
  lanes.end(host, 10);
}

test('an unknown host gets one lane, a prompt one four, a slow one loses them again', () => {
  const lanes = createLanes();
  assert.equal(lanes.choose(of('a', 9)).length, 1);
  prove(lanes, 'a');
  assert.equal(lanes.choose(of('a', 9)).length, HOST_LANES);
  lanes.begin('a');
  lanes.end('a', 15_000);
  assert.equal(lanes.choose(of('a', 9)).length, 1);
});

test('a host is busy while its lanes are taken', () => {
  const lanes = createLanes();
  lanes.begin('a');
  assert.deepEqual(lanes.busyHosts(), ['a']);
  assert.deepEqual(lanes.choose(of('a', 1)), []);
  lanes.end('a', 10);
  assert.deepEqual(lanes.busyHosts(), []);
  lanes.begin('a');
  assert.deepEqual(lanes.busyHosts(), []);
});

test('hosts that are not known to be prompt never take all the places', () => {
  const lanes = createLanes();
  for (const host of ['good-1', 'good-2', 'good-3', 'good-4']) prove(lanes, host);
  const chosen = lanes.choose(hosts(200));
  assert.equal(chosen.length, 48);
  for (const { host } of chosen) lanes.begin(host);
  assert.deepEqual(lanes.onlyHosts(), ['good-1', 'good-2', 'good-3', 'good-4']);
  const rest = lanes.choose([
    ...hosts(200),
    ...of('good-1', 9),
    ...of('good-2', 9),
    ...of('good-3', 9),
    ...of('good-4', 9),
  ]);
  assert.equal(rest.length, 16);
  for (const { host } of rest) lanes.begin(host);
  assert.equal(lanes.free(), 0);
  assert.deepEqual(lanes.onlyHosts(), []);
  assert.deepEqual(lanes.choose(of('good-1', 1)), []);
});

test('the lists handed to the claim never outgrow its places, and choosing changes nothing', () => {
  const lanes = createLanes();
  for (const { host } of hosts(2_000)) prove(lanes, host);
  assert.equal(lanes.onlyHosts(), null);
  const unproven = lanes.choose(Array.from({ length: 100 }, (_, index) => ({ host: `new${index}` })));
  assert.deepEqual(lanes.busyHosts(), []);
  for (const { host } of unproven) lanes.begin(host);
  assert.equal(lanes.onlyHosts()?.length, TRIES_AT_ONCE_MAX);
  assert.ok(lanes.onlyHosts()?.includes('h1999'));
});

test('of the prompt hosts the oldest are forgotten first', () => {
  const lanes = createLanes();
  for (const { host } of hosts(1_001)) prove(lanes, host);
  assert.equal(lanes.choose(of('h0', 4)).length, 1);
  assert.equal(lanes.choose(of('h1', 4)).length, HOST_LANES);
});
