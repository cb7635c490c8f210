import { json, type Answer } from '../gate/answer.ts';
import { demandTeamAdmin } from '../gate/demand-team-admin.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { parseBody } from '../gate/parse-body.ts';
import { demandKeyed, unknownProviderText } from '../gate/provider-of.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { ownKeyView, storeKey } from '../provider-key-view.ts';
import { addOwnProviderKeySchema, type OwnProviderKeyBody } from '../provider-schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `POST /v2/provider-keys`: keeps a key that the caller's team brings, sealed. */
export function addOwnProviderKey(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    demandTeamAdmin(call.caller);
    const { provider, key, label, maxInFlight } = parseBody(await bodyOf(call), addOwnProviderKeySchema);
    const facts = world.catalog.providers.get(provider);
    if (facts === undefined) throw refuseInput({ provider: [unknownProviderText(world.catalog, provider)] });
    demandKeyed(facts, 'provider');
    const { teamId } = call.caller;
    const card = await storeKey(world, { provider: facts.id, teamId, label, secret: key, maxInFlight });
    return json(201, ownKeyView(card) satisfies OwnProviderKeyBody);
  };
}
