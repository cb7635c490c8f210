import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkHistory, RULES, type History } from './support/check-history.ts';
import { newClient } from './support/clients.ts';
import type { AttemptRow } from './support/evidence.ts';
import type { ProviderFacts } from './support/tested-providers.ts';

const ifBought: ProviderFacts['lost'] = 'if-bought';

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
    attempts: [attempt('a', { upstream_id: 'sale-a' }), attempt('b', { failure_kind: 'content_refused' })],
    alerts: [],
    costs: [
      { attempt_id: 'attempt-a', account: 'cost', amount_micro_usd: 40 },
      { attempt_id: 'attempt-b', account: 'suspense', amount_micro_usd: 40 },
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
    { id: 'sale-a', prompt: 'a lighthouse run-a', cost: 40 },
    { id: 'attempt-b', prompt: 'a lighthouse run-b', cost: 40 },
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
    provider: { lost: ifBought, isOwnMachine: false },
    isGraceful: false,
  } satisfies History;
}

/** The one purchase of a job. */
function attempt(name: string, facts: Partial<AttemptRow>): AttemptRow {
  const row = { id: `attempt-${name}`, job_id: `job-${name}`, provider: 'bfl', state: 'DONE', cost: 40, intent_at: 1 };
  return { ...row, upstream_id: null, failure_kind: null, ...facts };
}

type Sound = Omit<ReturnType<typeof soundHistory>, 'isGraceful'> & Pick<History, 'isGraceful'>;

/** The first of a list that the sound history surely fills. */
function first<T>(list: T[]): T {
  const [one] = list;
  assert.ok(one !== undefined);
  return one;
}

/** The first job fails, its purchase given up; sound where it was open when the process died. */
function giveUp(
  history: Sound,
  facts: { before?: string; isGraceful?: boolean; lost?: ProviderFacts['lost'] } = {},
): void {
  const { store, crashed, clients } = history;
  Object.assign(first(store.attempts), { failure_kind: 'abandoned', upstream_id: null });
  first(store.costs).account = 'suspense';
  first(crashed.attempts).state = facts.before ?? 'ACCEPTED';
  first(store.jobs).status = 'FAILED';
  for (const transfer of store.transfers) if (transfer.kind === 'capture') transfer.kind = 'release';
  for (const event of store.deliveries) event.event = 'failed';
  first(clients).looks.pop();
  store.outputs = [];
  history.purchases.shift();
  history.isGraceful = facts.isGraceful ?? false;
  history.provider.lost = facts.lost ?? 'if-bought';
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
    ({ purchases }) => purchases.push({ id: 'attempt-a', prompt: 'a lighthouse run-a', cost: 40 }),
    ({ purchases }) => purchases.shift(),
    ({ purchases }) => purchases.push({ id: 'attempt-b', prompt: 'a lighthouse run-c', cost: 40 }),
  ],
  'every purchase belongs to a job': [
    ({ store }) => store.attempts.shift(),
    ({ purchases }) => void (first(purchases).id = 'sale-z'),
    ({ purchases }) => purchases.push({ id: 'sale-z', prompt: 'a lighthouse of nobody', cost: 40 }),
  ],
  'only what was open at the crash is given up': [
    (history) => giveUp(history),
    (history) => giveUp(history, { before: 'INTENT', isGraceful: true }),
    (history) => giveUp(history, { before: 'INTENT', lost: 'settled' }),
  ],
  'what may be on a bill is booked': [
    ({ store }) => store.costs.shift(),
    ({ store }) => void (first(store.costs).account = 'suspense'),
    ({ store }) => void (first(store.costs).amount_micro_usd = 1),
    ({ store }) => store.costs.push(structuredClone(first(store.costs))),
    ({ store }) => {
      first(store.attempts).cost = 0;
      store.costs.shift();
    },
  ],
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

  test('finds nothing where a purchase that was open at the crash is given up, and nothing was bought', () => {
    const history = soundHistory();
    giveUp(history, { before: 'INTENT' });
    assert.deepEqual(checkHistory(history), []);
  });

  test('wants what was bought, though the provider could be asked, not to be given up', () => {
    const history = soundHistory();
    const [sale] = structuredClone(history.purchases);
    giveUp(history, { before: 'INTENT' });
    if (sale !== undefined) history.purchases.push(sale);
    const broken = checkHistory(history).map((finding) => finding.rule);
    assert.ok(broken.includes('one generation is bought for a job'), broken.join('; '));
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
