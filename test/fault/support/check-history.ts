import type { Hit } from '../../support/receiver.ts';
import type { ClientHistory } from './clients.ts';
import type { JobRow, Purchase, StoreEvidence } from './evidence.ts';

/** Everything that is known after a run: what clients were told, what the store says, what outsiders saw. */
export interface History {
  clients: ClientHistory[];
  /** As the crash left it; null where nothing crashed. */
  crashed: StoreEvidence | null;
  store: StoreEvidence;
  purchases: Purchase[];
  hits: Pick<Hit, 'headers' | 'body'>[];
  /** By blob key: the SHA-256 of the bytes under the media URL, or the HTTP status. */
  served: ReadonlyMap<string, string>;
  /** From the restart to the last orphan's next step; null when nothing was orphaned. */
  resumedMs: number | null;
}

/** A broken promise. */
export interface Finding {
  rule: Rule;
  detail: string;
}

/** Every promise that is checked. */
export const RULES = [
  'what was acknowledged exists',
  'an acknowledged job is never 404',
  'one client gets one job',
  'what was refused left nothing',
  'a submission is there entirely or not at all',
  'one idempotency key names one job',
  'every job ends as it should',
  'a final state stays',
  'a job is charged once or released once',
  'one generation is bought for a job',
  'every purchase belongs to a job',
  'every ending is told',
  'an event keeps its id and its body',
  'nobody is told what is not so',
  'served bytes are the recorded ones',
  'audits are clean',
  'orphans go on within 30 s',
] as const;
type Rule = (typeof RULES)[number];

const RESUME_MS_MAX = 30_000;
const FINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** Compares the histories of the clients with store, provider and receiver. Nothing found means that all promises held. */
export function checkHistory(history: History): Finding[] {
  return [
    ...history.clients.flatMap((client) => checkClient(client, history)),
    ...checkStore(history),
    ...checkPurchases(history),
    ...checkHits(history),
    ...checkOutputs(history),
    ...checkAudits(history),
  ];
}

/** Where a client's tag stands in the prompt, it is followed by a blank or the end. */
function isOf(client: ClientHistory, prompt: string): boolean {
  return prompt.split(/\s/).includes(client.tag);
}

function promptOf(job: JobRow): string {
  // Safe: the request as it was received, with the prompt that every client sends.
  return (JSON.parse(job.input_json) as { prompt: string }).prompt;
}

function checkClient(client: ClientHistory, { store }: History): Finding[] {
  const findings: Finding[] = [];
  const find = (rule: Rule, detail: string): void => void findings.push({ rule, detail: `${client.tag}: ${detail}` });
  const jobs = store.jobs.filter((job) => isOf(client, promptOf(job)));
  const told = client.told.flatMap((answer) => (answer.kind === 'acknowledged' ? [answer.jobId] : []));
  const ids = new Set(told);
  for (const id of ids) if (!jobs.some((job) => job.id === id)) find('what was acknowledged exists', `${id} is lost`);
  if (jobs.length > 1 || ids.size > 1)
    find('one client gets one job', `it was told of ${ids.size} jobs and has ${jobs.length}`);
  // A 5xx leaves open what was done, as a lost answer does; every 4xx promises that nothing was.
  const mayHave = client.told.some(
    (answer) =>
      answer.kind === 'acknowledged' ||
      answer.kind === 'unknown' ||
      (answer.kind === 'refused' && answer.status >= 500),
  );
  if (!mayHave && jobs.length > 0) find('what was refused left nothing', `there are ${jobs.length} jobs`);
  if (client.key !== null) {
    const firsts = client.told.filter((answer) => answer.kind === 'acknowledged').map((answer) => answer.replayed);
    if (firsts.slice(1).includes(false)) find('one idempotency key names one job', 'it made a job more than once');
    const named = store.keys.filter((row) => row.key === client.key).map((row) => row.job_id);
    if (jobs.length > 0 && (named.length !== 1 || named[0] !== jobs[0]?.id))
      find('one idempotency key names one job', `it names ${named.join(', ')}`);
  }
  for (const job of jobs) {
    if (job.status !== client.expected)
      find('every job ends as it should', `${job.id} is ${job.status} and not ${client.expected}`);
    findings.push(...checkEndingTold(client, job, store));
  }
  findings.push(...checkLooks(client));
  return findings;
}

function checkLooks(client: ClientHistory): Finding[] {
  const findings: Finding[] = [];
  let final: string | null = null;
  for (const { jobId, saw } of client.looks) {
    if (saw === '404') findings.push({ rule: 'an acknowledged job is never 404', detail: `${client.tag}: ${jobId}` });
    if (final !== null && saw !== final && !/^\d/.test(saw)) {
      findings.push({ rule: 'a final state stays', detail: `${client.tag}: ${final} became ${saw}` });
    }
    if (FINAL.has(saw)) final ??= saw;
  }
  return findings;
}

/** The event of the ending is in the outbox, and the receiver has answered it with success. */
function checkEndingTold(client: ClientHistory, job: JobRow, store: StoreEvidence): Finding[] {
  const event = job.status === 'COMPLETED' ? 'completed' : 'failed';
  if (!client.events.includes(event)) return [];
  const rows = store.deliveries.filter((row) => row.job_id === job.id && row.event === event);
  const isTold = rows.length === 1 && rows[0]?.state === 'delivered' && job.webhook_status === 'delivered';
  if (isTold) return [];
  const states = rows.map((row) => row.state).join(', ');
  return [
    { rule: 'every ending is told', detail: `${client.tag}: outbox says "${states}", the job "${job.webhook_status}"` },
  ];
}

function checkStore({ store }: History): Finding[] {
  const findings: Finding[] = [];
  const find = (rule: Rule, detail: string): void => void findings.push({ rule, detail });
  for (const job of store.jobs) {
    const count = (kind: string): number =>
      store.transfers.filter((row) => row.job_id === job.id && row.kind === kind).length;
    const isAccepted = store.events.some((row) => row.job_id === job.id && row.kind === 'accepted');
    if (count('hold') !== 1 || !isAccepted)
      find(
        'a submission is there entirely or not at all',
        `${job.id} has ${count('hold')} holds, event: ${isAccepted}`,
      );
    if (!FINAL.has(job.status)) find('every job ends as it should', `${job.id} is ${job.status}`);
    const [captures, releases] = job.status === 'COMPLETED' ? [1, 0] : [0, 1];
    if (count('capture') !== captures || count('release') !== releases) {
      find(
        'a job is charged once or released once',
        `${job.id}, ${job.status}: ${count('capture')} captures, ${count('release')} releases`,
      );
    }
  }
  const ids = new Set(store.jobs.map((job) => job.id));
  const strays = [...store.transfers, ...store.keys, ...store.events].filter((row) => !ids.has(row.job_id));
  for (const row of strays)
    find('a submission is there entirely or not at all', `a row of the missing job ${row.job_id}`);
  return findings;
}

function checkPurchases({ clients, store, purchases }: History): Finding[] {
  const findings: Finding[] = [];
  for (const purchase of purchases) {
    if (!store.attempts.some((attempt) => attempt.id === purchase.id)) {
      findings.push({ rule: 'every purchase belongs to a job', detail: `${purchase.id} for "${purchase.prompt}"` });
    }
  }
  for (const client of clients) {
    const bought = purchases.filter((purchase) => isOf(client, purchase.prompt)).length;
    const jobs = store.jobs.filter((job) => isOf(client, promptOf(job))).length;
    if (bought !== Math.min(1, jobs)) {
      findings.push({
        rule: 'one generation is bought for a job',
        detail: `${client.tag}: ${bought} bought for ${jobs} jobs`,
      });
    }
  }
  return findings;
}

function checkHits({ clients, store, hits }: History): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const hit of hits) {
    const id = hit.headers['webhook-id'] ?? '';
    seen.add(id);
    const row = store.deliveries.find((delivery) => delivery.id === id);
    if (row === undefined || row.body !== hit.body) {
      findings.push({ rule: 'an event keeps its id and its body', detail: `${id} with ${hit.body}` });
      continue;
    }
    const status = store.jobs.find((job) => job.id === row.job_id)?.status ?? 'absent';
    const isSo =
      row.event === 'progress' ||
      (row.event === 'completed' ? status === 'COMPLETED' : status === 'FAILED' || status === 'CANCELLED');
    if (!isSo)
      findings.push({
        rule: 'nobody is told what is not so',
        detail: `${row.event} was told of ${row.job_id}, which is ${status}`,
      });
  }
  for (const client of clients.filter(({ events }) => events.length > 0)) {
    for (const job of store.jobs.filter((one) => isOf(client, promptOf(one)))) {
      const endings = store.deliveries.filter((row) => row.job_id === job.id && row.event !== 'progress');
      if (!endings.some((row) => seen.has(row.id)))
        findings.push({ rule: 'every ending is told', detail: `${client.tag}: the receiver heard nothing` });
    }
  }
  return findings;
}

function checkOutputs({ store, served }: History): Finding[] {
  const wrong = store.outputs.filter((output) => served.get(output.blob_key) !== output.sha256);
  return wrong.map((output) => ({
    rule: 'served bytes are the recorded ones',
    detail: `${output.blob_key}: ${served.get(output.blob_key) ?? 'not served'} and not ${output.sha256}`,
  }));
}

function checkAudits({ crashed, store, resumedMs }: History): Finding[] {
  const found = [...(crashed?.auditFindings ?? []).map((text) => `at the crash: ${text}`), ...store.auditFindings];
  const findings = found.map((detail): Finding => ({ rule: 'audits are clean', detail }));
  if (resumedMs !== null && resumedMs > RESUME_MS_MAX) {
    findings.push({ rule: 'orphans go on within 30 s', detail: `it took ${resumedMs} ms` });
  }
  return findings;
}
