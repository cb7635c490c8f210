import { auditLedger } from '../../server/src/credits/audit-ledger.ts';
import type { Row } from '../../server/src/database/database.ts';
import { auditJobs } from '../../server/src/jobs/audit-jobs.ts';
import { ATTEMPT_CHANGES, isFinal, JOB_CHANGES, JOB_STATES, type JobStatus } from '../../server/src/jobs/states.ts';
import { WRITTEN_OFF } from '../../server/src/jobs/choose-route.ts';
import type { JobSettings } from '../../server/src/jobs/world.ts';
import type { Coverage } from './coverage.ts';
import type { MemoryBlobs } from './memory-blobs.ts';
import { generationOf, sha256 } from './memory-media.ts';
import { checkFailed, checkPurchases } from './purchase-checks.ts';
import type { Change, SimStore } from './sim-store.ts';
import type { Generation } from './sim-upstream.ts';

/** What clients were told, which the store must never take back. */
export interface ClientBook {
  /** Price by the id of each acknowledged job. */
  acknowledged: Map<string, number>;
  /** Submits that were answered neither with a job nor with a refusal. */
  unknown: number;
  /** Final states that a client has seen. */
  seenFinal: Map<string, JobStatus>;
}

export interface Checker {
  /** Broken promises since the last look; none in a sound engine. */
  check(): Promise<{ broken: string[]; hasChanged: boolean }>;
  /** Hears of each purchase; what is wrong with it comes out at the next look. */
  onBought(generation: Generation): void;
  /** True time at which each job ended. */
  endedAt: ReadonlyMap<string, number>;
}

/** The rules that must hold after every step, whatever was injected: DESIGN section 1, J1 to J10, L1 to L9. */
export function createChecker(parts: {
  store: SimStore;
  blobs: MemoryBlobs;
  generations: () => readonly Generation[];
  book: ClientBook;
  coverage: Coverage;
  inFlightMax: number;
  settings: Pick<JobSettings, 'ambiguous' | 'shortfall'>;
  /** Whether some process knows that the provider takes none of the owner's keys. */
  isRefused: (provider: string, teamId: string | null) => boolean;
  now: () => number;
}): Checker {
  const { store, coverage } = parts;
  const { database } = store;
  const endedAt = new Map<string, number>();
  const jobOfAttempt = new Map<string, string>();
  const late: string[] = [];
  const purchaseChecks: Promise<void>[] = [];
  let sequence = 0;

  async function checkPurchase(generation: Generation): Promise<void> {
    // node:sqlite answers within the call, so this is the state at the instant of the purchase.
    const [row] = await database.query<Row & { job_id: string; state: string }>(
      'SELECT job_id, state FROM attempts WHERE id = $1',
      [generation.attemptId],
    );
    if (row === undefined) {
      late.push(`${generation.id} was bought before its intent was committed`);
      return;
    }
    if (row.state === 'REJECTED') late.push(`${generation.id} was bought after its attempt was rejected`);
    jobOfAttempt.set(generation.attemptId, row.job_id);
    const earlier = parts
      .generations()
      .filter((one) => one !== generation && !one.toldFailed && jobOfAttempt.get(one.attemptId) === row.job_id);
    const others = await Promise.all(earlier.map(async (one) => ({ one, why: await reasonToBuyAgain(one) })));
    let writtenOff = 0;
    for (const { one, why } of others) {
      if (why === WRITTEN_OFF) writtenOff += 1;
      if (why === null || writtenOff > 1)
        late.push(`job ${row.job_id} was bought twice: ${one.id} and ${generation.id}`);
    }
  }

  /** Why the operator has allowed to buy once more although this generation is his; null where he has not. */
  async function reasonToBuyAgain({ attemptId }: Generation): Promise<string | null> {
    const [row] = await database.query<Row & { failure_kind: string | null }>(
      'SELECT failure_kind FROM attempts WHERE id = $1',
      [attemptId],
    );
    const { ambiguous, shortfall } = parts.settings;
    if (row?.failure_kind === WRITTEN_OFF) return ambiguous === 'retry-once' ? WRITTEN_OFF : null;
    return row?.failure_kind === 'short' && shortfall === 'reroute' ? 'short' : null;
  }

  async function checkCompleted(jobId: string): Promise<string[]> {
    const outputs = await database.query<OutputRow>(
      'SELECT blob_key, sha256, size_bytes FROM outputs WHERE job_id = $1',
      [jobId],
    );
    return outputs.flatMap((output) => {
      const bytes = parts.blobs.read(output.blob_key);
      if (bytes === null) return [`job ${jobId} is COMPLETED and its file is missing`];
      const made = parts.generations().find((generation) => generation.id === generationOf(bytes));
      const isOwn = made !== undefined && jobOfAttempt.get(made.attemptId) === jobId && made.toldCompleted;
      const isSound = sha256(bytes) === output.sha256 && bytes.length === output.size_bytes;
      return isOwn && isSound ? [] : [`job ${jobId} is COMPLETED with a file that is not its own or not whole`];
    });
  }

  async function checkChange(change: Change): Promise<string[]> {
    const { kind, id, was, became } = change;
    if (kind === 'rewritten' || kind === 'deleted') return [`job ${id} was ${kind} while ${was}`];
    if (was === null || kind === 'transfer') return [];
    if (kind === 'attempt') {
      coverage.change('attempt', was, became);
      return ATTEMPT_CHANGES.some((known) => known.from === was && known.to === became)
        ? []
        : [`attempt ${id} went from ${was} to ${became}`];
    }
    const status = JOB_STATES.find((state) => state === became);
    const isOver = status !== undefined && isFinal(status);
    if (was === became) {
      return change.became_progress > change.was_progress && !isOver
        ? []
        : [`the progress of job ${id} went from ${change.was_progress} to ${change.became_progress}`];
    }
    coverage.change('job', was, became);
    if (isOver) endedAt.set(id, parts.now());
    const wrong = JOB_CHANGES.some((known) => known.from === was && known.to === became)
      ? []
      : [`job ${id} went from ${was} to ${became}`];
    if (became === 'COMPLETED') return [...wrong, ...(await checkCompleted(id))];
    return became === 'FAILED' ? [...wrong, ...(await checkFailed(database, id, parts.isRefused))] : wrong;
  }

  return {
    endedAt,
    onBought: (generation) => {
      purchaseChecks.push(checkPurchase(generation));
    },
    check: async () => {
      await Promise.all(purchaseChecks.splice(0));
      const changes = await store.changesAfter(sequence);
      const broken = late.splice(0);
      if (changes.length === 0) return { broken, hasChanged: false };
      for (const change of changes) {
        sequence = change.sequence;
        broken.push(...(await checkChange(change)));
      }
      // The dearest look, so only when money has moved; an account that moved by itself shows at the next transfer.
      const ledger = changes.some(({ kind }) => kind === 'transfer') ? await auditLedger(database) : [];
      for (const finding of ledger) broken.push(`ledger: ${finding.check} ${JSON.stringify(finding.row)}`);
      for (const finding of await auditJobs(database)) broken.push(`jobs: ${finding.rule}: ${finding.jobId}`);
      for (const { rule, sql } of LIMITS) {
        for (const row of await database.query(sql)) broken.push(`${rule}: ${JSON.stringify(row)}`);
      }
      broken.push(...(await checkPurchases({ ...parts, database, generations: parts.generations() })));
      broken.push(...(await checkBook(parts)));
      return { broken, hasChanged: true };
    },
  };
}

interface OutputRow extends Row {
  blob_key: string;
  sha256: string;
  size_bytes: number;
}

interface Limit {
  rule: string;
  sql: string;
}

const LIMITS: readonly Limit[] = [
  {
    rule: 'more jobs of a team run than it may',
    sql: `SELECT jobs.team_id, COUNT(*) AS running FROM jobs JOIN teams ON teams.id = jobs.team_id
WHERE status = 'PROCESSING' GROUP BY jobs.team_id, teams.max_concurrent_jobs HAVING COUNT(*) > teams.max_concurrent_jobs`,
  },
  {
    rule: 'more jobs of a key run than it may',
    sql: `SELECT key_id, COUNT(*) AS running FROM jobs JOIN api_keys ON api_keys.id = jobs.key_id
WHERE jobs.status = 'PROCESSING' GROUP BY key_id, api_keys.max_concurrent_jobs HAVING COUNT(*) > api_keys.max_concurrent_jobs`,
  },
];

/** What clients were told is still true. */
async function checkBook(parts: { store: SimStore; book: ClientBook }): Promise<string[]> {
  const { acknowledged, unknown, seenFinal } = parts.book;
  type JobRow = Row & { id: string; status: JobStatus; price_micro: number };
  const jobs = new Map(
    (await parts.store.database.query<JobRow>('SELECT id, status, price_micro FROM jobs')).map((job) => [job.id, job]),
  );
  const broken: string[] = [];
  for (const [id, price] of acknowledged) {
    const job = jobs.get(id);
    if (job === undefined) broken.push(`acknowledged job ${id} is lost`);
    else if (job.price_micro !== price)
      broken.push(`job ${id} was accepted for ${price} and now costs ${job.price_micro}`);
  }
  for (const [id, status] of seenFinal) {
    if (jobs.get(id)?.status !== status) broken.push(`job ${id} was ${status} and is ${jobs.get(id)?.status}`);
  }
  if (jobs.size > acknowledged.size + unknown)
    broken.push(`${jobs.size} jobs exist, more than were submitted: refused ones were kept`);
  return broken;
}
