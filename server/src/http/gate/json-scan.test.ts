import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GatewayError } from '../../core/errors.ts';
import { JSON_DEPTH_MAX, parseJsonObject } from './json-scan.ts';

function refusal(text: string): GatewayError {
  try {
    parseJsonObject(text);
  } catch (error) {
    assert.ok(error instanceof GatewayError);
    return error;
  }
  return assert.fail(`accepted: ${text.slice(0, 80)}`);
}

test('an object is parsed, colons and quotes inside texts included', () => {
  const value = { a: 'x:"y\\', b: { 'c:d': [1, { e: '{[:' }] }, '': null };
  assert.deepEqual(parseJsonObject(JSON.stringify(value)), value);
});

test('a name that is given twice is refused at its path', () => {
  assert.deepEqual(refusal('{"a":1,"b":{"c":1,"d":"x","c":2}}').options.details, {
    'b.c': ['Invalid input: the name "c" is given twice'],
  });
  assert.deepEqual(Object.keys(refusal('{"l":[{"x":1},{"y":1,"\\u0079":2}]}').options.details ?? {}), ['l.1.y']);
  assert.deepEqual(Object.keys(refusal('{"__proto__":1,"__proto__":2}').options.details ?? {}), ['__proto__']);
});

test('the same name in two objects is fine', () => {
  assert.ok(parseJsonObject('{"a":{"x":1},"b":[{"x":1},{"x":1}]}'));
});

test('nesting is refused before any parsing, however deep', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  assert.ok(parseJsonObject(nested(JSON_DEPTH_MAX)));
  assert.equal(refusal(nested(JSON_DEPTH_MAX + 1)).code, 'body_not_json');
  assert.match(refusal(nested(100_000)).publicText, /32 levels/);
  assert.match(refusal('['.repeat(100_000)).publicText, /32 levels/);
});

test('NUL and half of a surrogate pair are refused with the path of the text', () => {
  assert.deepEqual(Object.keys(refusal('{"a":{"b":["x","\\u0000"]}}').options.details ?? {}), ['a.b.1']);
  assert.match(refusal('{"a":"\\ud800"}').publicText, /^Validation error: a: /);
  assert.equal(refusal('{"\\u0000":1}').status, 400);
});

test('a number beyond what can be stored is refused', () => {
  assert.deepEqual(Object.keys(refusal('{"seed":1e999}').options.details ?? {}), ['seed']);
});

test('whatever is no object is refused', () => {
  for (const text of ['[]', '1', 'null', '"x"', 'true']) assert.equal(refusal(text).code, 'validation_failed');
  for (const text of ['', '{', '{"a"}', '{"a":1,}', '{"a":"\\"}', '{"a":NaN}', "{'a':1}"]) {
    assert.equal(refusal(text).code, 'body_not_json');
  }
});
