import { GatewayError } from '../../core/errors.ts';
import { json, type Answer } from '../gate/answer.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { parseBody } from '../gate/parse-body.ts';
import { providerOf } from '../gate/provider-of.ts';
import { testProviderSchema, type ProviderTestBody } from '../provider-schemas.ts';
import type { HttpWorld } from '../world.ts';
import { probeKey } from './probe-key.ts';

/** `POST /admin/providers/{id}/test`: tries one key at its provider, the operator's first one unless told otherwise. */
export function testProvider(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const { id: provider } = providerOf(call, world.catalog);
    const { keyId } = parseBody(await bodyOf(call), testProviderSchema);
    const { keys } = world.providers;
    await keys.refresh();
    const card = keys
      .cards()
      .filter((one) => one.provider === provider && one.state !== 'unreadable' && one.state !== 'no-address')
      .find((one) => (keyId === undefined ? one.teamId === null : one.id === keyId));
    if (card === undefined) throw new GatewayError('provider_key_not_found');
    const { balanceMicroUsd, ...probe } = await probeKey(world, { provider, keyId: card.id, signal: world.closing });
    const balanceUsd = balanceMicroUsd === null ? null : balanceMicroUsd / 1_000_000;
    return json(200, { keyId: card.id, ...probe, balanceUsd } satisfies ProviderTestBody);
  };
}
