import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { removeProviderKey as remove } from '../../teams/provider-keys.ts';
import { empty, type Answer } from '../gate/answer.ts';
import { pathPart, type KeyedCall, type Operate } from '../gate/door.ts';
import { providerOf } from '../gate/provider-of.ts';
import type { HttpWorld } from '../world.ts';

/** `DELETE /admin/providers/{id}/keys/{keyId}`: takes a stored key out of use, whoever owns it. */
export function removeProviderKey(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const { id: provider } = providerOf(call, world.catalog);
    const keyId = pathPart(call, 'keyId').toLowerCase();
    const { database, clock, providers } = world;
    const isRemoved = isUuid(keyId) && (await remove(database, { keyId, provider, teamId: null, now: clock.now() }));
    if (!isRemoved) throw new GatewayError('provider_key_not_found');
    await providers.keys.refresh();
    return empty(204);
  };
}
