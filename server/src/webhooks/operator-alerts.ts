import { Webhook } from 'standardwebhooks';

import { isoInstant } from '../core/clock.ts';
import type { OutboundRequest } from '../core/net-port.ts';
import type { Database, Row, Tx } from '../database/database.ts';

/** Something the operator must hear. */
export interface NewAlert {
  id: string;
  /** UTC milliseconds. */
  now: number;
  /** A fixed name, such as `provider-key-refused`. */
  kind: string;
  /** What it is about, such as a provider's id. */
  subject: string;
  /** A sentence for people; never with a part of a key but its last four characters. */
  text: string;
  /** Whether an address is set; without one it is listed and sent to nobody. */
  hasReceiver: boolean;
}

export type AlertState = 'pending' | 'sent' | 'failed' | 'unsent';

export interface OperatorAlert {
  id: string;
  kind: string;
  subject: string;
  text: string;
  createdAt: number;
  state: AlertState;
  tries: number;
}

/** Alerts that one listing shows. */
const LISTED_MAX = 200;
/** What was told so long ago helps nobody any more. */
const KEPT_MS = 90 * 86_400_000;
/** A claim that is not marked by then belongs to a process that has ended; longer than any try takes. */
const CLAIM_MS = 60_000;
/** Waits between one try and the next; the last one repeats. */
const RETRY_DELAYS_MS: readonly number[] = [5_000, 30_000, 180_000, 900_000, 3_600_000];
/** An alert that could not be told for a day is given up. */
const GIVE_UP_MS = 86_400_000;

const INSERT = `
INSERT INTO operator_alerts (id, kind, subject, text, created_at, state, due_at) VALUES ($1, $2, $3, $4, $5, $6, $5)`;

const FORGET = `DELETE FROM operator_alerts WHERE created_at < $1 AND state <> 'pending'`;

const LIST = `
SELECT id, kind, subject, text, created_at, state, tries FROM operator_alerts
ORDER BY created_at DESC, id DESC LIMIT ${LISTED_MAX}`;

// Whoever moves the time on first has it; the other finds no row.
const CLAIM = `
UPDATE operator_alerts SET tries = tries + 1, due_at = CAST($1 AS BIGINT) + ${CLAIM_MS}
WHERE state = 'pending' AND due_at <= $1
  AND id = (SELECT id FROM operator_alerts WHERE state = 'pending' AND due_at <= $1 ORDER BY due_at, id LIMIT 1)
RETURNING id, kind, subject, text, created_at, state, tries`;

const MARK = `UPDATE operator_alerts SET state = $2, due_at = $3 WHERE id = $1 AND state = 'pending' RETURNING id`;

/**
 * Writes an alert in the transaction that makes it true, and forgets those of 90 days ago. After the commit wake the
 * loop with `notify('alert', id)`.
 */
export async function insertAlert(tx: Tx, alert: NewAlert): Promise<void> {
  const { id, now, kind, subject, text, hasReceiver } = alert;
  await tx.query(INSERT, [id, kind, subject, text, now, hasReceiver ? 'pending' : 'unsent']);
  await tx.query(FORGET, [now - KEPT_MS]);
}

/** The newest alerts first, at most 200. */
export async function listAlerts(database: Pick<Database, 'query'>): Promise<OperatorAlert[]> {
  return (await database.query<AlertRow>(LIST)).map(alertOf);
}

/** Takes the alert that has been due longest, for a minute; null when none is due. */
export async function claimAlert(tx: Pick<Tx, 'query'>, now: number): Promise<OperatorAlert | null> {
  const [row] = await tx.query<AlertRow>(CLAIM, [now]);
  return row === undefined ? null : alertOf(row);
}

/** Writes how a try went, and returns the state that follows. */
export async function markAlert(
  tx: Pick<Tx, 'query'>,
  tried: { alert: OperatorAlert; isTold: boolean; now: number },
): Promise<AlertState> {
  const { alert, isTold, now } = tried;
  const delayMs = RETRY_DELAYS_MS[Math.min(alert.tries, RETRY_DELAYS_MS.length) - 1] ?? 0;
  const isOver = now + delayMs > alert.createdAt + GIVE_UP_MS;
  const state: AlertState = isTold ? 'sent' : isOver ? 'failed' : 'pending';
  await tx.query(MARK, [alert.id, state, now + delayMs]);
  return state;
}

/** The request that tells an alert; signed by Standard Webhooks where the operator has set a secret. */
export function alertRequest(
  alert: OperatorAlert,
  receiver: { url: string; secret: string | null; at: number },
): OutboundRequest {
  const { id, kind, subject, text, createdAt } = alert;
  const { url, secret, at } = receiver;
  const body = JSON.stringify({
    type: 'operator.alert',
    timestamp: isoInstant(createdAt),
    data: { kind, subject, text },
  });
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Lumegate-Alerts',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at / 1000)),
      ...(secret === null ? {} : { 'webhook-signature': new Webhook(secret).sign(id, new Date(at), body) }),
    },
    body,
  };
}

/** The table's CHECK allows these states only. */
type AlertRow = {
  id: string;
  kind: string;
  subject: string;
  text: string;
  created_at: number;
  state: AlertState;
  tries: number;
} & Row;

function alertOf(row: AlertRow): OperatorAlert {
  const { id, kind, subject, text, state, tries } = row;
  return { id, kind, subject, text, createdAt: row.created_at, state, tries };
}
