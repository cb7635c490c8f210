import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { removeProviderKey } from '../../teams/provider-keys.ts';
import { empty, type Answer } from '../gate/answer.ts';
import { demandTeamAdmin } from '../gate/demand-team-admin.ts';
import { pathPart, type KeyedCall, type Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';

/** `DELETE /v2/provider-keys/{id}`: takes a key of the caller's team out of use; another team's is as a missing one. */
export function removeOwnProviderKey(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    demandTeamAdmin(call.caller);
    const keyId = pathPart(call, 'id').toLowerCase();
    const { database, clock, providers } = world;
    const owned = { keyId, provider: null, teamId: call.caller.teamId, now: clock.now() };
    const isRemoved = isUuid(keyId) && (await removeProviderKey(database, owned));
    if (!isRemoved) throw new GatewayError('provider_key_not_found');
    await providers.keys.refresh();
    return empty(204);
  };
}
