import { wholeCredits } from '../../core/money.ts';
import { findBalance } from '../../credits/accounts.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import type { MeBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/me`: the user, the team with what it can spend in the key's mode, and the key of the request. */
export function me(world: HttpWorld): Operate<KeyedCall> {
  return async ({ caller }): Promise<Answer> => {
    const { availableMicro } = await findBalance(world.database, caller.teamId, caller.mode);
    return json(200, {
      user: { id: caller.userId, email: caller.email, role: caller.role },
      team: {
        id: caller.teamId,
        name: caller.teamName,
        plan: caller.teamPlan,
        credits: wholeCredits(availableMicro),
        customerId: caller.customerId,
        maxConcurrentJobs: caller.teamMaxConcurrentJobs,
      },
      apiKey: { id: caller.keyId, name: caller.keyName, prefix: caller.keyPrefix, mode: caller.mode },
    } satisfies MeBody);
  };
}
