import { findTeam } from '../../teams/teams.ts';
import { json, type Answer } from '../gate/answer.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { parseBody } from '../gate/parse-body.ts';
import { demandKeyed, providerOf } from '../gate/provider-of.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { keyView, storeKey } from '../provider-key-view.ts';
import { addProviderKeySchema, type ProviderKeyBody } from '../provider-schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `POST /admin/providers/{id}/keys`: keeps a key, sealed, of the operator or of a team. */
export function addProviderKey(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const facts = providerOf(call, world.catalog);
    const { key, label, maxInFlight, teamId } = parseBody(await bodyOf(call), addProviderKeySchema);
    demandKeyed(facts, 'key');
    if (teamId !== null && (await findTeam(world.database, teamId)) === null) {
      throw refuseInput({ teamId: ['There is no such team'] });
    }
    const card = await storeKey(world, { provider: facts.id, teamId, label, secret: key, maxInFlight });
    return json(201, keyView(card) satisfies ProviderKeyBody);
  };
}
