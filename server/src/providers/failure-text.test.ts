import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { complaintOf, failureText } from './failure-text.ts';

describe('the text of a failure', () => {
  it('is one line of at most 500 characters that any store takes', () => {
    assert.equal(failureText(' a\u0000b\r\n\tc\ud800 '), 'a b c\ufffd');
    const long = failureText('é'.repeat(5_000));
    assert.equal(long.length, 500);
    assert.ok(failureText('😀'.repeat(600)).isWellFormed());
  });
  it('holds no keys', () => {
    for (const key of [
      'Bearer abcdefghijklmnop',
      'Key 0123-4567:89abcdef',
      'x-key: abcdefghijklmnop',
      'token=abcdefghijklmnop',
      'api_token: abcdefghijklmnop',
    ]) {
      assert.match(failureText(`refused ${key} there`), /^refused .*\[redacted\] there$/);
    }
    assert.equal(failureText('bad r8_abcdefgh and sk-abcdefgh'), 'bad r8_[redacted] and sk-[redacted]');
    assert.equal(failureText('{"token":"abcdefghijklmnop"}'), '{"token":"[redacted]"}');
  });
  it('holds of addresses the origin alone', () => {
    assert.equal(
      failureText('cannot call https://gateway.example/callbacks/bfl/id/secret?x=1, sorry'),
      'cannot call https://gateway.example sorry',
    );
    assert.equal(failureText('cannot fetch http://user:password@a.example/x'), 'cannot fetch http://a.example');
  });
  it('leaves ordinary words alone', () => {
    const words = 'the key is not valid: a token of 12 was expected';
    assert.equal(failureText(words), words);
  });
});

describe('the complaint in an error body', () => {
  for (const [what, json, expected] of [
    ['a text', { detail: 'no credits' }, 'no credits'],
    ['fields', { detail: [{ loc: ['body', 'a', 0], msg: 'too large' }, { msg: 'bad' }] }, 'a.0: too large; bad'],
    ['a title', { title: 'Refused', detail: 'too large' }, 'Refused: too large'],
    ['an error with a message', { error: { message: 'too large' } }, 'too large'],
    ['an error that is a text', { error: 'x', message: 'y' }, 'x'],
    ['a message', { message: 'y' }, 'y'],
    ['nothing we know', { foo: 1 }, ''],
    ['no object', 'text', ''],
    ['a list', [{ detail: 'x' }], ''],
  ] as const) {
    it(`is found in ${what}`, () => assert.equal(complaintOf(json), expected));
  }
});
