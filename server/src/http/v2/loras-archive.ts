import { GatewayError } from '../../core/errors.ts';
import { releaseOutputs } from '../../files/outputs.ts';
import { archiveLora } from '../../loras/loras.ts';
import { empty, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';
import { loraOf } from './loras-read.ts';

/**
 * `DELETE /v2/loras/{id}`: archives a LoRA. A training that goes on is stopped, and nothing is charged for it; weights are
 * deleted with the next sweep. Archiving twice is as archiving once.
 */
export function archiveLoraOf(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const lora = await loraOf(world, call);
    const now = world.clock.now();
    await world.database.transaction(async (tx) => {
      await archiveLora(tx, lora.id, now);
      await releaseOutputs(tx, lora.jobId, now);
    });
    await world.jobs.cancelJob({ ...call.caller, userId: lora.userId }, lora.jobId).catch(unlessFinal);
    return empty(204);
  };
}

function unlessFinal(error: unknown): void {
  if (!(error instanceof GatewayError && error.code === 'job_already_final')) throw error;
}
