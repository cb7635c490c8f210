import type { Tx } from '../database/database.ts';

const UPDATE = `UPDATE jobs SET webhook_status = $2 WHERE id = $1 AND (webhook_status = 'pending' OR $2 = 'delivered')`;

/** Says on the job what became of its last event: pending, then delivered or failed; a replay may still deliver it. */
export async function updateWebhookStatus(tx: Tx, jobId: string, status: 'delivered' | 'failed'): Promise<void> {
  await tx.query(UPDATE, [jobId, status]);
}
