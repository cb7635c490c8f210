import { json, type Answer } from '../gate/answer.ts';
import { demandTeamAdmin } from '../gate/demand-team-admin.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { ownKeyView } from '../provider-key-view.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/provider-keys`: the keys that the caller's team has brought. */
export function listOwnProviderKeys(world: HttpWorld): Operate<KeyedCall> {
  return async ({ caller }): Promise<Answer> => {
    demandTeamAdmin(caller);
    const { keys } = world.providers;
    await keys.refresh();
    const own = keys.cards().filter(({ teamId }) => teamId === caller.teamId);
    return json(200, { keys: own.map(ownKeyView) });
  };
}
