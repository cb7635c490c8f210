import type { Row, Tx } from '../database/database.ts';
import { unindexed } from '../database/unindexed.ts';
import type { WebhookEvent } from './events.ts';
import { HOST_LANES, TRIES_AT_ONCE_MAX, type Lanes } from './lanes.ts';
import type { Decision } from './schedule.ts';

/** One event for one receiver, as the job's transaction writes it. */
export interface NewDelivery {
  /** UUID v7; the receiver sees it as `webhook-id`, the same at every try and at every replay. */
  id: string;
  teamId: string;
  jobId: string;
  /** The API key that submitted the job; its digest signs. */
  keyId: string;
  event: WebhookEvent;
  url: string;
  /** From `webhookBody`; stored once and sent unchanged. */
  body: string;
  /** UTC milliseconds; the first try is due at once. */
  now: number;
}

/**
 * Writes the event inside the transaction that makes it true (outbox), so that none is lost and none is invented.
 * Progress that still waits is replaced by what is newer; after the ending no progress is written any more. The
 * caller holds the job's row, and after the commit wakes the loop with `notify('delivery', id)`.
 */
export async function insertDelivery(tx: Tx, delivery: NewDelivery): Promise<void> {
  const { id, teamId, jobId, keyId, event, url, body, now } = delivery;
  await tx.query(SUPERSEDE_PROGRESS, [jobId, now]);
  await tx.query(INSERT, [id, teamId, jobId, keyId, event, url, hostOf(url), body, now]);
}

// A try under way cannot be called back, so leased progress stays as it is; the claim waits for its end.
const SUPERSEDE_PROGRESS = `
UPDATE deliveries SET state = 'superseded', ended_at = $2
WHERE job_id = $1 AND state = 'pending' AND event = 'progress' AND lease_owner IS NULL`;

const INSERT = `
INSERT INTO deliveries (id, team_id, job_id, key_id, event, sequence, url, host, body, state, due_at, created_at)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT),
  (SELECT COALESCE(MAX(sequence), 0) + 1 FROM deliveries WHERE job_id = $3),
  CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS TEXT), 'pending', CAST($9 AS BIGINT), CAST($9 AS BIGINT)
WHERE $5 <> 'progress' OR NOT EXISTS (SELECT 1 FROM deliveries WHERE job_id = $3 AND event <> 'progress')`;

/** The lane a URL belongs to: host name and port. One dead server must not be two because of a final dot. */
function hostOf(text: string): string {
  const url = URL.parse(text);
  // Checked at submit; should one slip through, the try fails for good, while a throw would hold up the job's end.
  if (url === null) return 'invalid';
  return `${url.hostname.replace(/\.$/, '')}${url.port === '' ? '' : `:${url.port}`}`;
}

/** A delivery whose next try belongs to one worker, until it is recorded or the worker is dead. */
export interface LeasedDelivery {
  id: string;
  jobId: string;
  keyId: string;
  event: WebhookEvent;
  /** Rises with each event of the job. */
  sequence: number;
  url: string;
  host: string;
  body: string;
  /** Tries already recorded in this round. */
  tries: number;
  leaseEpoch: number;
}

/** Due deliveries looked at in one claim. One host may fill them all: it is busy afterwards and passed by next time. */
const LOOKED_AT_MAX = 512;

/** What one claim leased. `isMore`: hosts with a long backlog may have hidden others, so claim again. */
export interface Claimed {
  deliveries: LeasedDelivery[];
  isMore: boolean;
}

export interface ClaimOptions {
  workerId: string;
  /** UTC milliseconds; what is due by then may be claimed. */
  now: number;
  lanes: Pick<Lanes, 'busyHosts' | 'onlyHosts' | 'choose'>;
}

/**
 * Leases due deliveries, the first of every host before the second of any, and at most `HOST_LANES` to one host
 * over all processes. Of one job at most one is in flight, so that progress never overtakes its ending.
 */
export async function claimDeliveries(tx: Tx, { workerId, now, lanes }: ClaimOptions): Promise<Claimed> {
  // Claims run one after another, so that the count per host is exact whoever asks.
  await tx.lock('deliveries.claim');
  const onlyHosts = lanes.onlyHosts();
  const heads = await tx.query<HeadRow>(onlyHosts === null ? HEADS_EXCEPT : HEADS_ONLY, [
    now,
    ...padded(onlyHosts ?? lanes.busyHosts()),
  ]);
  const chosen = lanes.choose(heads);
  const leased = await Promise.all(chosen.map(({ id }) => tx.query<DeliveryRow>(LEASE, [id, workerId])));
  return { deliveries: leased.flat().map(leasedDelivery), isMore: (heads[0]?.looked_at ?? 0) >= LOOKED_AT_MAX };
}

interface HeadRow extends Row {
  id: string;
  host: string;
  looked_at: number;
}

/** Statements are constant texts, so a list of hosts fills a fixed number of places. */
function padded(hosts: readonly string[]): string[] {
  return Array.from({ length: TRIES_AT_ONCE_MAX }, (_, index) => hosts[index] ?? '');
}

const HOST_PLACES = Array.from({ length: TRIES_AT_ONCE_MAX }, (_, index) => `$${index + 2}`).join(', ');

// The index hands out rows in the order of their time; full hosts are passed by before anything is sorted. With
// 10,000 due rows of a full host in front this takes a few milliseconds, with a window over all rows ten times that.
const heads = (hostRule: 'IN' | 'NOT IN'): string => `
WITH leased AS (
  SELECT host, job_id FROM deliveries WHERE state = 'pending' AND lease_owner IS NOT NULL
), taken AS (
  SELECT host, COUNT(*) AS tries FROM leased GROUP BY host
), due AS (
  SELECT id, host, due_at FROM deliveries
  WHERE state = 'pending' AND lease_owner IS NULL AND due_at <= $1
    AND host ${hostRule} (${HOST_PLACES})
    AND host NOT IN (SELECT host FROM taken WHERE tries >= ${HOST_LANES})
    AND job_id NOT IN (SELECT job_id FROM leased)
  ORDER BY due_at, id LIMIT ${LOOKED_AT_MAX}
), placed AS (
  SELECT id, host, due_at, ROW_NUMBER() OVER (PARTITION BY host ORDER BY due_at, id) AS place,
    COUNT(*) OVER () AS looked_at FROM due
)
SELECT placed.id AS id, placed.host AS host, placed.looked_at AS looked_at FROM placed LEFT JOIN taken ON taken.host = placed.host
WHERE placed.place <= ${HOST_LANES} - COALESCE(taken.tries, 0)
ORDER BY placed.place, placed.due_at, placed.id`;
const HEADS_EXCEPT = heads('NOT IN');
const HEADS_ONLY = heads('IN');

const LEASE = `
UPDATE deliveries SET lease_owner = $2, lease_epoch = lease_epoch + 1
WHERE id = $1 AND ${unindexed('state')} = 'pending' AND lease_owner IS NULL
RETURNING id, job_id, key_id, event, sequence, url, host, body, tries, lease_epoch`;

interface DeliveryRow extends Row {
  id: string;
  job_id: string;
  key_id: string;
  event: WebhookEvent;
  sequence: number;
  url: string;
  host: string;
  body: string;
  tries: number;
  lease_epoch: number;
}

function leasedDelivery(row: DeliveryRow): LeasedDelivery {
  return {
    id: row.id,
    jobId: row.job_id,
    keyId: row.key_id,
    event: row.event,
    sequence: row.sequence,
    url: row.url,
    host: row.host,
    body: row.body,
    tries: row.tries,
    leaseEpoch: row.lease_epoch,
  };
}

/** When the next delivery after `now` falls due, in UTC milliseconds, or null when none waits. */
export async function findNextDueAt(tx: Pick<Tx, 'query'>, now: number): Promise<number | null> {
  const rows = await tx.query<{ due_at: number }>(
    `SELECT due_at FROM deliveries WHERE state = 'pending' AND lease_owner IS NULL AND due_at > $1
     ORDER BY due_at, id LIMIT 1`,
    [now],
  );
  return rows[0]?.due_at ?? null;
}

/** One try as it went. */
export interface DeliveryTry {
  /** When it began, in UTC milliseconds. */
  at: number;
  durationMs: number;
  /** HTTP status, or null when no answer came. */
  statusCode: number | null;
  /** Why no answer came; null when one did. */
  failure: string | null;
}

/**
 * What recording a try changed. `lost`: the lease was no longer ours and nothing was written. `ended`: the
 * delivery's new final state, or null when it goes on; null as well when a replay of a delivered event failed,
 * because what was delivered stays delivered.
 */
export type Recorded = { kind: 'lost' } | { kind: 'recorded'; ended: 'delivered' | 'failed' | null };

/** Writes down one try and what follows from it, and gives the lease back; does nothing if the lease was lost. */
export async function recordTry(
  tx: Tx,
  input: { delivery: LeasedDelivery; workerId: string; made: DeliveryTry; decision: Decision },
): Promise<Recorded> {
  const { delivery, workerId, made, decision } = input;
  const state = decision.kind === 'retry' ? 'pending' : decision.kind;
  const dueAt = decision.kind === 'retry' ? decision.dueAt : null;
  const endedAt = decision.kind === 'retry' ? null : made.at + made.durationMs;
  const own = await tx.query(GIVE_BACK, [delivery.id, workerId, delivery.leaseEpoch, state, dueAt, endedAt]);
  if (own.length === 0) return { kind: 'lost' };
  // Asked before this try is written down: a 2xx of an earlier round means that this round was a replay.
  const hadSuccess = (await tx.query(FIND_SUCCESS, [delivery.id])).length > 0;
  await tx.query(INSERT_TRY, [delivery.id, made.at, made.durationMs, made.statusCode, made.failure]);
  if (decision.kind === 'retry') return { kind: 'recorded', ended: null };
  if (decision.kind === 'failed' && hadSuccess) return { kind: 'recorded', ended: null };
  return { kind: 'recorded', ended: decision.kind };
}

const GIVE_BACK = `
UPDATE deliveries SET state = $4, tries = tries + 1, due_at = COALESCE($5, due_at), ended_at = $6, lease_owner = NULL
WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 AND ${unindexed('state')} = 'pending'
RETURNING id`;

const FIND_SUCCESS = `
SELECT number FROM delivery_tries WHERE delivery_id = $1 AND status_code BETWEEN 200 AND 299 LIMIT 1`;

// Numbers go on after a replay, while `deliveries.tries` begins again with the schedule.
const INSERT_TRY = `
INSERT INTO delivery_tries (delivery_id, number, at, duration_ms, status_code, failure)
SELECT CAST($1 AS TEXT), (SELECT COALESCE(MAX(number), 0) + 1 FROM delivery_tries WHERE delivery_id = $1),
  CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS TEXT)`;

/** A lease as its worker tells it from others of the same delivery. */
export type DeliveryLease = Pick<LeasedDelivery, 'id' | 'leaseEpoch'>;

/** Every lease that a worker owns, whether or not it knows of it. */
export async function listLeases(tx: Pick<Tx, 'query'>, workerId: string): Promise<DeliveryLease[]> {
  const rows = await tx.query<{ id: string; lease_epoch: number }>(
    `SELECT id, lease_epoch FROM deliveries WHERE state = 'pending' AND lease_owner = $1`,
    [workerId],
  );
  return rows.map((row) => ({ id: row.id, leaseEpoch: row.lease_epoch }));
}

// Whether the event was sent is not known, so an ending is sent again under the same id; progress is not, since it may
// be overtaken by now.
const FREE = `
UPDATE deliveries SET lease_owner = NULL,
  state = CASE WHEN event = 'progress' THEN 'failed' ELSE state END,
  ended_at = CASE WHEN event = 'progress' THEN lumegate_now() ELSE NULL END
WHERE state = 'pending'`;

const FREE_OWN = `${FREE} AND id = $1 AND lease_owner = $2 AND lease_epoch = $3 RETURNING id`;

/** Gives back leases of a worker that it does not act on; returns how many. Those that have changed stay as they are. */
export async function freeLeases(tx: Tx, workerId: string, leases: readonly DeliveryLease[]): Promise<number> {
  const freed = await Promise.all(leases.map((lease) => tx.query(FREE_OWN, [lease.id, workerId, lease.leaseEpoch])));
  return freed.flat().length;
}

const FREE_OF_DEAD = `${FREE} AND lease_owner IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM workers WHERE workers.id = deliveries.lease_owner AND workers.alive_until > lumegate_now()
)
RETURNING id`;

/** Takes the leases of workers that are dead by the database's clock; returns how many. */
export async function rescueDeliveries(tx: Tx): Promise<number> {
  return (await tx.query(FREE_OF_DEAD)).length;
}
