import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readS3Setting } from './s3-setting.ts';

const ENV = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'the-secret-word' };

function problem(address: string, env: Record<string, string> = ENV): string | null {
  const read = readS3Setting(address, env);
  return read.ok ? null : read.problem;
}

test('a bucket and the two keys are enough', () => {
  assert.deepEqual(readS3Setting('s3://media', ENV), {
    ok: true,
    setting: {
      bucket: 'media',
      prefix: '',
      region: 'us-east-1',
      endpoint: null,
      publicEndpoint: null,
      accessKeyId: 'id',
      secretAccessKey: 'the-secret-word',
      sessionToken: null,
    },
  });
});

test('the variables that every S3 client knows are read, the more special one first', () => {
  const read = readS3Setting('s3://media/gate/1/', {
    ...ENV,
    AWS_SESSION_TOKEN: 'token',
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_REGION: 'auto',
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_ENDPOINT_URL_S3: 'https://store.invalid/s3/',
    LUMEGATE_S3_PUBLIC_URL: 'https://files.invalid',
  });
  assert.ok(read.ok);
  const { prefix, region, endpoint, publicEndpoint, sessionToken } = read.setting;
  assert.deepEqual(
    [prefix, region, endpoint, publicEndpoint, sessionToken],
    ['gate/1', 'auto', 'https://store.invalid/s3', 'https://files.invalid', 'token'],
  );
});

test('what makes no sense is named, and no secret with it', () => {
  for (const address of [
    's3://',
    's3://a',
    's3://Media',
    's3://media//a',
    's3://media/../a',
    's3://media/a b',
    'gs://media',
  ]) {
    assert.match(problem(address) ?? '', /^LUMEGATE_BLOBS must be like s3:/, address);
  }
  assert.match(problem('s3://media', {}) ?? '', /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/);
  for (const [name, value] of [
    ['AWS_REGION', 'Frankfurt am Main'],
    ['AWS_ENDPOINT_URL', 'store:9000'],
    ['AWS_ENDPOINT_URL_S3', 'http://user:the-secret-word@store'],
    ['LUMEGATE_S3_PUBLIC_URL', 'http://store/?a=b'],
  ] as const) {
    const text = problem('s3://media', { ...ENV, [name]: value }) ?? '';
    assert.ok(text.startsWith(`${name} must be`), text);
    assert.ok(!text.includes('the-secret-word'));
  }
});
