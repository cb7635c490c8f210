import { z } from 'zod';

import { LABEL_LENGTH_MAX, PROVIDER_SECRET } from '../teams/provider-keys.ts';

// What the routes about providers and their keys take and answer, once; `schemas.ts` names the answers.

const instant = z.iso.datetime();

const secret = z
  .string()
  .regex(PROVIDER_SECRET, 'Invalid key: expected 8 to 4096 visible ASCII characters without spaces')
  .describe('The secret. It is sealed at once, and no route gives it back.');
const label = z
  .string()
  .min(1)
  .max(LABEL_LENGTH_MAX)
  .regex(/^[^\p{Cc}]+$/u, 'Invalid label: control characters are not allowed')
  .default('key')
  .describe('Words by which people tell keys apart.');
const maxInFlight = z
  .int()
  .min(1)
  .max(1_000_000)
  .nullable()
  .default(null)
  .describe('Generations under way at once with this key; null for the provider’s usual number.');

/** The body of `POST /admin/providers/{id}/keys`. */
export const addProviderKeySchema = z
  .strictObject({
    key: secret,
    label,
    maxInFlight,
    teamId: z.uuid().nullable().default(null).describe('The team whose own key it is; null for the operator’s.'),
  })
  .describe('A key of a provider.');

/** The body of `POST /v2/provider-keys`. */
export const addOwnProviderKeySchema = z
  .strictObject({ provider: z.string().max(64).describe('The provider’s id.'), key: secret, label, maxInFlight })
  .describe('A key that the team brings.');

/** The body of `POST /admin/providers/{id}/test`. */
export const testProviderSchema = z
  .strictObject({
    keyId: z.string().max(200).optional().describe('The key to test; the operator’s first one without it.'),
  })
  .describe('Which key to test.');

/** Every named schema of a body that the catalogue does not decide. */
export const BODY_SCHEMAS = {
  AddProviderKeyRequest: addProviderKeySchema,
  AddOwnProviderKeyRequest: addOwnProviderKeySchema,
  TestProviderRequest: testProviderSchema,
} as const;

/** A team's own key: everything but the secret. */
export const ownProviderKeySchema = z
  .object({
    id: z.string(),
    provider: z.string(),
    label: z.string(),
    last4: z.string().describe('The last four characters; empty for a short secret.'),
    maxInFlight: z.int(),
    createdAt: instant.nullable(),
    state: z
      .enum(['ok', 'paused', 'unauthorized', 'quota', 'unreadable', 'no-address'])
      .describe('`ok`; `paused` after a 429; or why nothing is bought with it at present.'),
    since: instant.nullable(),
    text: z.string().nullable().describe('What the provider said; null while all is well.'),
  })
  .describe('A key of a provider that the team has brought.');

export const ownProviderKeyListSchema = z
  .object({ keys: z.array(ownProviderKeySchema) })
  .describe('The team’s own provider keys.');

export const providerKeySchema = ownProviderKeySchema
  .extend({
    source: z.enum(['env', 'store', 'none']).describe('`none`: the provider is used without a key.'),
    teamId: z.uuid().nullable().describe('The team that brought it; null for the operator’s own.'),
  })
  .describe('A key of a provider.');

const circuitSchema = z.object({
  upstreamModel: z.string(),
  circuit: z.enum(['closed', 'open', 'half-open']),
  waitMs: z.number().describe('Until it is tried again; 0 unless open.'),
  success: z.number().nullable().describe('Of the last results, between 0 and 1.'),
  latencyMs: z.number().nullable().describe('Median of the last good ones.'),
  lastFailure: z.string().nullable(),
});

export const providerListSchema = z
  .object({
    providers: z.array(
      z.object({
        id: z.string(),
        label: z.string(),
        configured: z.boolean().describe('The operator can use it: a key is there, or none is wanted.'),
        origin: z.string().nullable().describe('Of the base address in force; null where none is set.'),
        keys: z.array(providerKeySchema),
        circuits: z.array(circuitSchema).describe('Routes that this process has bought on since it started.'),
      }),
    ),
  })
  .describe('Every provider of the catalogue with its keys.');

export const providerTestSchema = z
  .object({
    keyId: z.string(),
    ok: z.boolean(),
    text: z.string().describe('What was found, in words for people.'),
    balanceUsd: z.number().nullable().describe('null where the provider does not tell.'),
    durationMs: z.int(),
  })
  .describe('What a cheap call with a key told.');

export const alertListSchema = z
  .object({
    alerts: z.array(
      z.object({
        id: z.uuid(),
        kind: z.string(),
        subject: z.string(),
        text: z.string(),
        createdAt: instant,
        state: z
          .enum(['pending', 'sent', 'failed', 'unsent'])
          .describe('`unsent`: no address was set when it was written.'),
        tries: z.int(),
      }),
    ),
  })
  .describe('What the operator was told, newest first, at most 200.');

export type OwnProviderKeyBody = z.infer<typeof ownProviderKeySchema>;
export type ProviderKeyBody = z.infer<typeof providerKeySchema>;
export type ProviderListBody = z.infer<typeof providerListSchema>;
export type ProviderTestBody = z.infer<typeof providerTestSchema>;
export type AlertListBody = z.infer<typeof alertListSchema>;
