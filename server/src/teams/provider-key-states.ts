import type { Database, Row, Tx } from '../database/database.ts';

/** Why a key does not buy: its provider does not know it (any more), or its account is empty. */
export type RefusalKind = 'unauthorized' | 'quota';

/** A run of refusals of one key, as all processes share it. */
export interface KeyRefusal {
  /** The key's id; for one from the environment with its fingerprint, so that another secret begins anew. */
  stateId: string;
  kind: RefusalKind;
  text: string;
  /** Refusals in a row, each at a try of its own. */
  refusals: number;
  /** UTC milliseconds by the database's clock. */
  since: number;
  /** Milliseconds until the key may be tried again, by the database's clock; below 0 when that is past. */
  retryInMs: number;
}

/** After the first refusal a key rests for so long, then twice as long each time. */
export const REST_MS_MIN = 30_000;
export const REST_MS_MAX = 30 * 60_000;
/** A state that nobody has renewed for so long belongs to a key that is gone. */
const FORGOTTEN_MS = 7 * 86_400_000;
const ROWS_MAX = 50_000;

/** How long a key rests after so many refusals in a row. */
export function restMs(refusals: number): number {
  return Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** Math.max(0, Math.min(refusals, 20) - 1));
}

const LIST = `
SELECT key_id, kind, text, refusals, since, retry_at - lumegate_now() AS retry_in_ms
FROM provider_key_states LIMIT ${ROWS_MAX}`;

const BEGIN = `
INSERT INTO provider_key_states (key_id, provider, team_id, kind, text, refusals, since, retry_at)
VALUES ($1, $2, $3, $4, $5, 1, lumegate_now(), lumegate_now() + $6)
ON CONFLICT (key_id) DO NOTHING RETURNING key_id`;

const GO_ON = `
UPDATE provider_key_states SET kind = $2, text = $3, refusals = refusals + 1, retry_at = lumegate_now() + $4
WHERE key_id = $1 RETURNING key_id`;

const TAKE_TRIAL = `
UPDATE provider_key_states SET retry_at = lumegate_now() + $2
WHERE key_id = $1 AND retry_at <= lumegate_now() RETURNING key_id`;

const END = `DELETE FROM provider_key_states WHERE key_id = $1 RETURNING key_id`;

const FORGET = `DELETE FROM provider_key_states WHERE retry_at < lumegate_now() - ${FORGOTTEN_MS}`;

/** Every run of refusals that has not ended. */
export async function listRefusals(database: Pick<Database, 'query'>): Promise<KeyRefusal[]> {
  const rows = await database.query<StateRow>(LIST);
  return rows.map((row) => ({
    stateId: row.key_id,
    kind: row.kind,
    text: row.text,
    refusals: row.refusals,
    since: row.since,
    retryInMs: row.retry_in_ms,
  }));
}

/** Writes the first refusal of a run; false when the run has begun already, here or in another process. */
export async function beginRefusals(
  tx: Tx,
  refusal: { stateId: string; provider: string; teamId: string | null; kind: RefusalKind; text: string },
): Promise<boolean> {
  const { stateId, provider, teamId, kind, text } = refusal;
  return (await tx.query(BEGIN, [stateId, provider, teamId, kind, text, restMs(1)])).length > 0;
}

/** Writes that the key was tried and refused once more; false when the run has ended meanwhile. */
export async function goOnRefusing(
  tx: Tx,
  refusal: { stateId: string; kind: RefusalKind; text: string; refusals: number },
): Promise<boolean> {
  const { stateId, kind, text, refusals } = refusal;
  return (await tx.query(GO_ON, [stateId, kind, text, restMs(refusals)])).length > 0;
}

/** Tells other processes that this one is trying the key: they wait for as long as another rest. */
export async function takeTrial(tx: Tx, trial: { stateId: string; refusals: number }): Promise<void> {
  await tx.query(TAKE_TRIAL, [trial.stateId, restMs(trial.refusals)]);
}

/** Ends a run; false when there was none. */
export async function endRefusals(tx: Tx, stateId: string): Promise<boolean> {
  return (await tx.query(END, [stateId])).length > 0;
}

/** Deletes the states of keys that nobody uses any more. */
export async function forgetRefusals(tx: Pick<Tx, 'query'>): Promise<void> {
  await tx.query(FORGET);
}

/** The table's CHECK allows these kinds only. */
type StateRow = {
  key_id: string;
  kind: RefusalKind;
  text: string;
  refusals: number;
  since: number;
  retry_in_ms: number;
} & Row;
