import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handClock } from '../core/hand-clock.ts';
import type { S3Request, S3Sent, S3Transport } from '../core/s3-port.ts';
import type { S3Setting } from '../core/s3-setting.ts';
import { s3Address } from './s3-address.ts';
import { createS3Client, type S3Client } from './s3-client.ts';
import { BlobStoreFailed } from './s3-failure.ts';
import { abortOldUploads, listBlobs } from './s3-list.ts';

const setting: S3Setting = {
  bucket: 'media',
  prefix: 'gate',
  region: 'eu-central-1',
  endpoint: 'http://store.invalid:9000',
  publicEndpoint: null,
  accessKeyId: 'AKEXAMPLE',
  secretAccessKey: 'the-secret-word',
  sessionToken: 'the-token-word',
};

type Planned = { status?: number; text?: string; headers?: Record<string, string> } | 'reset' | 'timeout' | 'tls';

/** A client whose answers are planned; the last one is given for ever. Pauses pass at once. */
function planned(
  answers: Planned[],
  closing = new AbortController(),
): { client: S3Client; sent: S3Request[]; pauses: number[] } {
  const sent: S3Request[] = [];
  const pauses: number[] = [];
  const transport: S3Transport = {
    close: async () => {},
    send: async (request) => {
      sent.push(request);
      return answerOf(answers[Math.min(sent.length, answers.length) - 1] ?? 'reset');
    },
  };
  const clock = { ...handClock(Date.UTC(2026, 0, 2)), sleep: async (ms: number) => void pauses.push(ms) };
  const random = { fraction: () => 0.5, bytes: (length: number) => new Uint8Array(length) };
  return { client: createS3Client({ setting, transport, clock, random, closing: closing.signal }), sent, pauses };
}

function answerOf(plan: Planned): S3Sent {
  if (typeof plan === 'string') return { kind: 'failed', reason: plan, cause: null };
  const { status = 200, text = '', headers = {} } = plan;
  const body = (async function* () {
    yield Buffer.from(text);
  })();
  return { kind: 'answer', status, headers, body, cancel: () => {} };
}

const call = { action: 'do it', method: 'GET', url: 'http://store.invalid:9000/media/gate/a' } as const;

async function failure(client: S3Client): Promise<BlobStoreFailed> {
  const error: unknown = await client.ask(call).then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof BlobStoreFailed, String(error));
  return error;
}

test('passing trouble is tried again with growing pauses, and four tries are the end', async () => {
  const troubles: Planned[] = [
    'reset',
    'timeout',
    { status: 500 },
    { status: 503, text: '<Error><Code>SlowDown</Code></Error>' },
    { status: 429 },
    { status: 400, text: '<?xml version="1.0"?><Error><Code>RequestTimeout</Code></Error>' },
  ];
  for (const trouble of troubles) {
    const healed = planned([trouble, trouble, { text: 'good' }]);
    assert.equal((await healed.client.ask(call)).text, 'good');
    assert.deepEqual(healed.pauses, [250, 500]);
    const lasting = planned([trouble]);
    assert.equal((await failure(lasting.client)).code, 'BLOB_UNAVAILABLE');
    assert.equal(lasting.sent.length, 4);
  }
});

test('a refusal is not tried again, and its text names what to change', async () => {
  const refusals: [Planned, RegExp][] = [
    [{ status: 403, text: '<Error><Code>AccessDenied</Code></Error>' }, /may not do this in the bucket "media"/],
    [
      { status: 404, text: '<Error><Code>NoSuchBucket</Code></Error>' },
      /no bucket "media" at http:\/\/store\.invalid:9000/,
    ],
    [{ status: 403, text: '<Error><Code>ExpiredToken</Code></Error>' }, /AWS_SESSION_TOKEN has expired/],
    [{ status: 403, text: '<Error><Code>RequestTimeTooSkewed</Code></Error>' }, /clock of this machine/],
    [
      {
        status: 301,
        headers: { 'x-amz-bucket-region': 'eu-west-3' },
        text: '<Error><Code>PermanentRedirect</Code></Error>',
      },
      /eu-west-3: set AWS_REGION/,
    ],
    [{ status: 507, text: '<Error><Code>QuotaExceeded</Code></Error>' }, /it answered 507 QuotaExceeded/],
    [{ status: 403 }, /it answered 403 http-403/],
    ['tls', /\(tls\)/],
  ];
  for (const [refusal, text] of refusals) {
    const { client, sent } = planned([refusal]);
    const error = await failure(client);
    assert.match(error.message, text);
    assert.match(error.message, /^The file store could not do it: /);
    assert.deepEqual([error.code, sent.length], ['BLOB_REFUSED', 1]);
  }
});

test('an error inside an answer of 200 is an error', async () => {
  const { client, sent } = planned([{ text: '<?xml version="1.0"?>\n\n<Error><Code>InternalError</Code></Error>' }]);
  assert.equal((await failure(client)).reason, 'InternalError');
  assert.equal(sent.length, 4);
});

test('no try begins when the store is closed', async () => {
  const closing = new AbortController();
  closing.abort();
  const { client, sent } = planned(['reset'], closing);
  await failure(client);
  assert.equal(sent.length, 1);
});

test('an answer without end is not kept', async () => {
  const { client } = planned([{ text: 'x'.repeat(8 * 1024 * 1024 + 1) }]);
  assert.equal((await failure(client)).code, 'BLOB_UNAVAILABLE');
});

test('requests are signed by our clock with the hash of the body, and carry no secret', async () => {
  const { client, sent } = planned([{}]);
  await client.ask({ ...call, method: 'PUT', body: 'hello', query: { partNumber: '1', uploadId: 'a b+c/=' } });
  const [request] = sent;
  assert.equal(request?.headers['x-amz-date'], '20260102T000000Z');
  assert.equal(
    request?.headers['x-amz-content-sha256'],
    '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
  );
  assert.match(
    request?.headers['authorization'] ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKEXAMPLE\/20260102\/eu-central-1\/s3\//,
  );
  assert.equal(request?.url, `${call.url}?partNumber=1&uploadId=a%20b%2Bc%2F%3D`);
  assert.ok(!JSON.stringify(sent).includes('the-secret-word'));
});

const entry = (key: string): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`;

test('a list is asked for page by page as it is read, and what is not ours is passed over', async () => {
  const page = (inside: string): Planned => ({ text: `<ListBucketResult>${inside}</ListBucketResult>` });
  const { client, sent } = planned([
    page(
      `<EncodingType>url</EncodingType>${entry('gate/outputs/')}${entry('gate/outputs/a')}${entry('gate/outputs/%C3%84')}<IsTruncated>true</IsTruncated><NextContinuationToken>1+/&amp;=</NextContinuationToken>`,
    ),
    page(`${entry('gate/outputs/b')}${entry('elsewhere/outputs/c')}<IsTruncated>false</IsTruncated>`),
  ]);
  const walk = listBlobs(client, s3Address(setting), 'outputs/');
  assert.equal(sent.length, 0);
  assert.deepEqual((await walk.next()).value, { key: 'outputs/a', modifiedAt: Date.UTC(2026, 0, 1) });
  assert.equal(sent.length, 1);
  const { value } = await walk.next();
  assert.deepEqual(value, { key: 'outputs/b', modifiedAt: Date.UTC(2026, 0, 1) });
  assert.equal((await walk.next()).done, true);
  assert.match(sent[1]?.url ?? '', /continuation-token=1%2B%2F%26%3D(&|$)/);
  assert.match(sent[0]?.url ?? '', /prefix=gate%2Foutputs%2F(&|$)/);
});

test('only uploads that are old by the clock of the service are ended', async () => {
  const upload = (key: string, initiated: string): string =>
    `<Upload><Key>${key}</Key><UploadId>id-${key.at(-1)}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
  const text = `<ListMultipartUploadsResult>${upload('gate/a', '2026-01-01T10:00:00Z')}${upload('gate/b', '2026-01-01T12:00:00Z')}${upload('gate/c', 'soon')}${upload('other/d', '2020-01-01T00:00:00Z')}</ListMultipartUploadsResult>`;
  const { client, sent } = planned([{ text, headers: { date: 'Thu, 01 Jan 2026 12:00:00 GMT' } }, { status: 204 }]);
  assert.equal(await abortOldUploads(client, s3Address(setting), { olderThanMs: 3_600_000, now: 0 }), 1);
  assert.deepEqual(
    sent.map(({ method }) => method),
    ['GET', 'DELETE'],
  );
  assert.match(sent[1]?.url ?? '', /\/media\/gate\/a\?uploadId=id-a$/);
  const none = planned([{ status: 501, text: '<Error><Code>NotImplemented</Code></Error>' }]);
  assert.equal(await abortOldUploads(none.client, s3Address(setting), { olderThanMs: 1, now: 0 }), 0);
});

test('the bucket is in the path of other services and in the host of Amazon', () => {
  const urlOf = (change: Partial<S3Setting>): string => s3Address({ ...setting, ...change }).urlOf('a');
  assert.equal(urlOf({}), 'http://store.invalid:9000/media/gate/a');
  assert.equal(urlOf({ endpoint: null, prefix: '' }), 'https://media.s3.eu-central-1.amazonaws.com/a');
  assert.equal(urlOf({ endpoint: null, region: 'cn-north-1' }), 'https://media.s3.cn-north-1.amazonaws.com.cn/gate/a');
  assert.equal(urlOf({ endpoint: null, bucket: 'a.b' }), 'https://s3.eu-central-1.amazonaws.com/a.b/gate/a');
  assert.equal(
    s3Address({ ...setting, publicEndpoint: 'https://cdn.invalid' }).publicUrlOf('a'),
    'https://cdn.invalid/media/gate/a',
  );
});
