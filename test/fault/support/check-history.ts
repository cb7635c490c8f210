import type { Hit } from '../../support/receiver.ts';
import type { ClientHistory } from './clients.ts';
import type { AttemptRow, JobRow, Purchase, StoreEvidence } from './evidence.ts';
import type { ProviderFacts } from './tested-providers.ts';

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
  provider: Pick<ProviderFacts, 'lost' | 'isOwnMachine'>;
  /** It was asked to end and had the time to: then nothing may be lost. */
  isGraceful: boolean;
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
  'only what was open at the crash is given up',
  'what may be on a bill is booked',
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
    ...checkLosses(history),
    ...checkBooked(history),
    ...checkHits(history),
    ...checkOutputs(history),
    ...checkAudits(history),
  ];
}

/** A purchase that was given up without knowing what became of it. */
export function isLost(attempt: Pick<AttemptRow, 'failure_kind'>): boolean {
  return attempt.failure_kind === 'written-off' || attempt.failure_kind === 'abandoned';
}

/** Where a client's tag stands in the prompt, it is followed by a blank or the end. */
function isOf(client: ClientHistory, prompt: string): boolean {
  return prompt.split(/\s/).includes(client.tag);
}

function promptOf(job: JobRow): string {
  // Safe: the request as it was received, with the prompt that every client sends.
  return (JSON.parse(job.input_json) as { prompt: string }).prompt;
}

function checkClient(client: ClientHistory, history: History): Finding[] {
  const { store } = history;
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
    if (job.status !== client.expected && !mayFail(job, history))
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

/** A job whose purchase was lost with the process fails where nobody can say what became of it. */
function mayFail(job: JobRow, { store, provider }: History): boolean {
  if (job.status !== 'FAILED' || provider.lost === 'settled' || provider.isOwnMachine) return false;
  return attemptsOf(job, store).some(isLost);
}

function attemptsOf(job: JobRow, store: StoreEvidence): AttemptRow[] {
  return store.attempts.filter((attempt) => attempt.job_id === job.id);
}

function checkPurchases(history: History): Finding[] {
  const { clients, store, purchases } = history;
  const findings: Finding[] = [];
  const strays = purchases.filter((purchase) => !clients.some((client) => isOf(client, purchase.prompt)));
  for (const { id, prompt } of strays)
    findings.push({ rule: 'every purchase belongs to a job', detail: `${id} for "${prompt}"` });
  for (const client of clients) {
    const bought = purchases.filter((purchase) => isOf(client, purchase.prompt));
    const jobs = store.jobs.filter((job) => isOf(client, promptOf(job)));
    const attempts = jobs.flatMap((job) => attemptsOf(job, store));
    const unnamed = bought.filter(({ id }) => !attempts.some((one) => isNamed(one, id)));
    // Some give no name, and a lost one has none here.
    if (unnamed.length > attempts.filter(mayBeNameless).length)
      findings.push({ rule: 'every purchase belongs to a job', detail: `${client.tag}: ${unnamed.length} of nobody` });
    const [min, max] = boughtWithin(jobs, history);
    if (bought.length < min || bought.length > max)
      findings.push({
        rule: 'one generation is bought for a job',
        detail: `${client.tag}: ${bought.length} bought for ${jobs.length} jobs, and not ${min} to ${max}`,
      });
  }
  return findings;
}

/** A refusal for content may come after the work was done, in the answer to the start. */
function mayBeNameless(attempt: AttemptRow): boolean {
  if (attempt.upstream_id !== null) return false;
  return attempt.state !== 'REJECTED' || attempt.failure_kind === 'content_refused';
}

/** One provider's ids come again after its restart; the adapter puts the instant behind them. */
function isNamed(attempt: AttemptRow, id: string): boolean {
  return attempt.id === id || attempt.upstream_id?.split('@')[0] === id;
}

/** How many generations may have been bought for a client's jobs: one, and one more for each that was lost for good. */
function boughtWithin(jobs: JobRow[], history: History): [number, number] {
  const { store, provider } = history;
  let [min, max] = [0, 0];
  for (const job of jobs.slice(0, 1)) {
    const lost = provider.lost === 'never' ? attemptsOf(job, store).filter(isLost).length : 0;
    const isUnserved = mayFail(job, history);
    min += isUnserved ? 0 : 1;
    max += isUnserved ? lost : 1 + lost;
  }
  return [min, max];
}

/** Whatever was known to be bought, or to be not yet sent, when the process ended is led to its end. */
function checkLosses({ crashed, store, provider, isGraceful }: History): Finding[] {
  return store.attempts.filter(isLost).flatMap((attempt): Finding[] => {
    const before = crashed?.attempts.find(({ id }) => id === attempt.id)?.state ?? 'unknown';
    const isOpen = before === 'INTENT' || before === 'AMBIGUOUS';
    if (isOpen && !isGraceful && provider.lost !== 'settled') return [];
    return [{ rule: 'only what was open at the crash is given up', detail: `${attempt.id} was ${before}` }];
  });
}

/** Each purchase has one entry in the books: as cost when it was delivered, else as what a bill may show. */
function checkBooked({ clients, store, purchases }: History): Finding[] {
  const findings: Finding[] = [];
  const find = (detail: string): void => void findings.push({ rule: 'what may be on a bill is booked', detail });
  for (const attempt of store.attempts) {
    const booked = store.costs.filter((row) => row.attempt_id === attempt.id);
    const account = attempt.failure_kind === null ? 'cost' : 'suspense';
    const wanted = attempt.state === 'DONE' && attempt.cost > 0 ? [`${account} ${attempt.cost}`] : [];
    const texts = booked.map((row) => `${row.account} ${row.amount_micro_usd}`);
    if (texts.join() !== wanted.join())
      find(`${attempt.id}, ${attempt.state}: "${texts.join()}" and not "${wanted.join()}"`);
  }
  for (const client of clients) {
    const ids = store.jobs.filter((job) => isOf(client, promptOf(job))).map((job) => job.id);
    const attempts = store.attempts.filter((attempt) => ids.includes(attempt.job_id));
    const sold = purchases.filter((purchase) => purchase.cost > 0 && isOf(client, purchase.prompt)).length;
    const entries = store.costs.filter((row) => attempts.some(({ id }) => id === row.attempt_id)).length;
    if (sold > entries) find(`${client.tag}: ${sold} sold and ${entries} booked`);
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
