import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkHistory, RULES, type History } from './support/check-history.ts';
import { newClient } from './support/clients.ts';

/** A run in which every promise was kept: one job completed and told, one failed, one client refused. */
function soundHistory() {
  const clients = [
    newClient('run-a', {
      key: 'key-a',
      events: ['completed', 'failed'],
      told: [
        { kind: 'unknown', reason: 'ECONNRESET' },
        { kind: 'acknowledged', jobId: 'job-a', replayed: true },
      ],
      looks: [
        { jobId: 'job-a', saw: 'PROCESSING' },
        { jobId: 'job-a', saw: 'COMPLETED' },
      ],
    }),
    newClient('run-b', { expected: 'FAILED', told: [{ kind: 'acknowledged', jobId: 'job-b', replayed: false }] }),
    newClient('run-c', { told: [{ kind: 'refused', status: 429, retryAfter: '1' }, { kind: 'unreached' }] }),
  ];
  const job = (id: string, tag: string, facts: { status: string; webhook_status: string | null }) => ({
    id,
    input_json: JSON.stringify({ prompt: `a lighthouse ${tag}` }),
    ...facts,
  });
  const body = '{"event":"completed"}';
  const store = {
    jobs: [
      job('job-a', 'run-a', { status: 'COMPLETED', webhook_status: 'delivered' }),
      job('job-b', 'run-b', { status: 'FAILED', webhook_status: null }),
    ],
    transfers: [
      { job_id: 'job-a', kind: 'hold' },
      { job_id: 'job-a', kind: 'capture' },
      { job_id: 'job-b', kind: 'hold' },
      { job_id: 'job-b', kind: 'release' },
    ],
    attempts: [
      { id: 'attempt-a', job_id: 'job-a' },
      { id: 'attempt-b', job_id: 'job-b' },
    ],
    outputs: [{ job_id: 'job-a', token: 'token', file_name: 'a.jpg', blob_key: 'outputs/a', sha256: 'aaaa' }],
    deliveries: [{ id: 'event-a', job_id: 'job-a', event: 'completed', body, state: 'delivered' }],
    events: [
      { job_id: 'job-a', kind: 'accepted', at: 1 },
      { job_id: 'job-b', kind: 'accepted', at: 1 },
    ],
    keys: [{ key: 'key-a', job_id: 'job-a' }],
    auditFindings: [] as string[],
  };
  const purchases = [
    { id: 'attempt-a', prompt: 'a lighthouse run-a' },
    { id: 'attempt-b', prompt: 'a lighthouse run-b' },
  ];
  const hits = [{ headers: { 'webhook-id': 'event-a' }, body }];
  const served = new Map([['outputs/a', 'aaaa']]);
  return {
    clients,
    crashed: structuredClone(store),
    store,
    purchases,
    hits,
    served,
    resumedMs: 4_000,
  } satisfies History;
}

type Sound = ReturnType<typeof soundHistory>;

/** The first of a list that the sound history surely fills. */
function first<T>(list: T[]): T {
  const [one] = list;
  assert.ok(one !== undefined);
  return one;
}

/** One lie for each promise; the checker must see every one of them. */
const LIES: Record<(typeof RULES)[number], ((history: Sound) => void)[]> = {
  'what was acknowledged exists': [
    ({ store }) => store.jobs.shift(),
    ({ clients }) => first(clients).told.push({ kind: 'acknowledged', jobId: 'job-z', replayed: true }),
  ],
  'an acknowledged job is never 404': [({ clients }) => first(clients).looks.unshift({ jobId: 'job-a', saw: '404' })],
  'one client gets one job': [({ store }) => store.jobs.push({ ...first(store.jobs), id: 'job-a2' })],
  'what was refused left nothing': [
    ({ clients }) => {
      first(clients).told = [{ kind: 'refused', status: 402, retryAfter: null }];
    },
  ],
  'a submission is there entirely or not at all': [
    ({ store }) => store.transfers.shift(),
    ({ store }) => store.events.shift(),
    ({ store }) => store.transfers.push({ job_id: 'job-z', kind: 'hold' }),
    ({ store }) => store.keys.push({ key: 'key-z', job_id: 'job-z' }),
  ],
  'one idempotency key names one job': [
    ({ store }) => store.keys.shift(),
    ({ clients }) => first(clients).told.push({ kind: 'acknowledged', jobId: 'job-a', replayed: false }),
  ],
  'every job ends as it should': [
    ({ store }) => void (first(store.jobs).status = 'FAILED'),
    ({ store }) => void (first(store.jobs).status = 'PROCESSING'),
  ],
  'a final state stays': [({ clients }) => first(clients).looks.push({ jobId: 'job-a', saw: 'PROCESSING' })],
  'a job is charged once or released once': [
    ({ store }) => store.transfers.push({ job_id: 'job-a', kind: 'capture' }),
    ({ store }) => store.transfers.push({ job_id: 'job-b', kind: 'capture' }),
    ({ store }) => store.transfers.pop(),
  ],
  'one generation is bought for a job': [
    ({ purchases }) => purchases.push({ id: 'attempt-b', prompt: 'a lighthouse run-a' }),
    ({ purchases }) => purchases.shift(),
    ({ purchases }) => purchases.push({ id: 'attempt-b', prompt: 'a lighthouse run-c' }),
  ],
  'every purchase belongs to a job': [({ store }) => store.attempts.shift()],
  'every ending is told': [
    ({ hits }) => hits.shift(),
    ({ store }) => void (first(store.deliveries).state = 'pending'),
    ({ store }) => void (first(store.jobs).webhook_status = 'pending'),
    ({ store }) => store.deliveries.shift(),
  ],
  'an event keeps its id and its body': [
    ({ hits }) => hits.push({ headers: { 'webhook-id': 'event-z' }, body: '{"event":"completed"}' }),
    ({ hits }) => hits.push({ headers: { 'webhook-id': 'event-a' }, body: '{}' }),
  ],
  'nobody is told what is not so': [({ store }) => void (first(store.jobs).status = 'FAILED')],
  'served bytes are the recorded ones': [
    ({ served }) => served.set('outputs/a', 'aaab'),
    ({ served }) => served.set('outputs/a', 'HTTP 404'),
    ({ served }) => served.clear(),
  ],
  'audits are clean': [
    ({ store }) => store.auditFindings.push('ledger: account-drift'),
    ({ crashed }) => crashed.auditFindings.push('ledger: account-drift'),
  ],
  'orphans go on within 30 s': [
    (history) => void (history.resumedMs = 30_001),
    (history) => void (history.resumedMs = Number.POSITIVE_INFINITY),
  ],
};

describe('the history checker', () => {
  test('finds nothing in a sound history', () => {
    assert.deepEqual(checkHistory(soundHistory()), []);
  });

  for (const rule of RULES) {
    for (const [index, lie] of LIES[rule].entries()) {
      test(`sees that "${rule}" is broken (${index + 1})`, () => {
        const history = soundHistory();
        lie(history);
        const broken = checkHistory(history).map((finding) => finding.rule);
        assert.ok(broken.includes(rule), `found only: ${broken.join('; ')}`);
      });
    }
  }
});
