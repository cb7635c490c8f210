import { isoInstant } from '../core/clock.ts';
import type { KeyCard } from '../teams/provider-key-ring.ts';
import { insertProviderKey, PROVIDER_KEYS_MAX, type NewProviderKey } from '../teams/provider-keys.ts';
import { refuseInput } from '../core/refuse-input.ts';
import type { OwnProviderKeyBody, ProviderKeyBody } from './provider-schemas.ts';
import type { HttpWorld } from './world.ts';

/** A key as its team sees it. */
export function ownKeyView(card: KeyCard): OwnProviderKeyBody {
  const { id, provider, label, last4, maxInFlight, state, text } = card;
  const instant = (at: number | null): string | null => (at === null ? null : isoInstant(at));
  const times = { createdAt: instant(card.createdAt), since: instant(card.since) };
  return { id, provider, label, last4, maxInFlight, state, text, ...times };
}

/** A key as the operator sees it. */
export function keyView(card: KeyCard): ProviderKeyBody {
  return { ...ownKeyView(card), source: card.source, teamId: card.teamId };
}

/** Stores a key and returns it as lists show it; throws a 400 where its owner has as many as there may be. */
export async function storeKey(world: HttpWorld, key: NewProviderKey): Promise<KeyCard> {
  const { database, newId, clock, providers } = world;
  const made = await insertProviderKey(database, { ...key, newId, now: clock.now(), vault: providers.vault });
  if (made === 'too-many') {
    throw refuseInput({ key: [`There are ${PROVIDER_KEYS_MAX} keys at this provider already; remove one first`] });
  }
  await providers.keys.refresh();
  const card = providers.keys.cards().find(({ id }) => id === made.id);
  if (card === undefined) throw new Error(`the key ${made.id} was stored and is not known`);
  return card;
}
