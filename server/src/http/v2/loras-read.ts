import { z } from 'zod';

import { isoInstant } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { findLora, listLoras, type Lora } from '../../loras/loras.ts';
import { json, type Answer } from '../gate/answer.ts';
import { pathPart, type KeyedCall, type Operate } from '../gate/door.ts';
import { queryOf } from '../gate/query.ts';
import type { LoraBody, LoraListBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

const query = z.object({
  cursor: z.string().refine(isUuid, 'Invalid UUID').optional(),
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, 'Invalid input: expected a whole number from 1 to 100')
    .transform(Number)
    .default(24),
  includeArchived: z.enum(['true', 'false']).default('false'),
});

/** `GET /v2/loras`: one page of the team's LoRAs, newest first. */
export function listLorasOf(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const { cursor, limit, includeArchived } = queryOf(call, query);
    const { items, nextCursor } = await listLoras(world.database, call.caller, {
      cursor: cursor?.toLowerCase() ?? null,
      limit,
      includeArchived: includeArchived === 'true',
    });
    return json(200, { items: items.map(loraView), nextCursor } satisfies LoraListBody);
  };
}

/** `GET /v2/loras/{id}`. */
export function getLora(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => json(200, loraView(await loraOf(world, call)));
}

/** The LoRA that the path names; throws for what is no id, and for what the team does not have. */
export async function loraOf(world: HttpWorld, call: KeyedCall): Promise<Lora> {
  const id = pathPart(call, 'id');
  if (!isUuid(id)) throw refuseInput({ id: ['Invalid UUID'] });
  const lora = await findLora(world.database, call.caller, id.toLowerCase());
  if (lora === null) throw new GatewayError('lora_not_found');
  return lora;
}

/** A LoRA as the contract shows it, with its job beside it. */
function loraView(lora: Lora): LoraBody {
  const instant = (at: number | null): string | null => (at === null ? null : isoInstant(at));
  const isReady = lora.status === 'READY';
  return {
    id: lora.id,
    userId: lora.userId,
    teamId: lora.teamId,
    name: lora.name,
    subjectKind: lora.subjectKind,
    gender: lora.gender,
    ethnicity: lora.ethnicity,
    age: lora.age,
    status: lora.status,
    imageCount: lora.imageCount,
    steps: lora.steps,
    loraRank: lora.loraRank,
    isReady,
    error: lora.error,
    createdAt: isoInstant(lora.createdAt),
    startedAt: instant(lora.startedAt),
    completedAt: instant(lora.completedAt),
    hasWeights: lora.weights !== null,
    triggerWord: isReady ? lora.triggerWord : null,
    jobId: lora.jobId,
  };
}
