import { z } from 'zod';

import type { Model } from './model.ts';
import { validationRules } from './parameter-zod.ts';

/** The events that a webhook can be asked for. */
export const WEBHOOK_EVENTS = ['progress', 'completed', 'failed'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The names beside prompt and parameters; `webhook_url` is another spelling of `webhookUrl`. */
export const COMMON_NAMES = ['model', 'routing', 'webhookUrl', 'webhook_url', 'webhookEvents'] as const;

/** How near to the request a route must come: `exact` refuses adjustments, `none` moves on to no second route. */
export const FALLBACKS = ['exact', 'nearest', 'none'] as const;
export type Fallback = (typeof FALLBACKS)[number];

/** The names inside `routing`. */
export const ROUTING_NAMES = ['providers', 'fallback', 'maxCredits'] as const;

/** What a provider's id looks like. */
export const PROVIDER_ID_PATTERN = '^[a-z][a-z0-9-]{0,31}$';
/** Providers that a caller may name. */
export const PROVIDERS_MAX = 10;

/** A caller's wishes for who serves his job. */
export interface ParsedRouting {
  providers?: string[] | undefined;
  fallback?: Fallback | undefined;
  maxCredits?: number | undefined;
}

/** A request body that passed; the parameters' block is under the model's own name for it. */
export interface ParsedBody {
  model: string;
  prompt?: string;
  webhookUrl?: string;
  webhook_url?: string;
  webhookEvents?: WebhookEvent[];
  routing?: ParsedRouting;
  [paramsField: string]: unknown;
}

const schemas = new WeakMap<Model, z.ZodType<ParsedBody>>();

/**
 * The Zod schema of a model's whole request body: strict at both levels, no coercion, no defaults.
 * Built at the first use of each model (1 to 2 ms each), so that a large catalogue does not slow the start.
 * The map above only remembers what follows from a frozen model; nobody can see whether it was used.
 */
export function zodBodyFor(model: Model): z.ZodType<ParsedBody> {
  const known = schemas.get(model);
  if (known !== undefined) return known;
  const schema = buildBodySchema(model);
  schemas.set(model, schema);
  return schema;
}

function buildBodySchema(model: Model): z.ZodType<ParsedBody> {
  const block = zodBlockFor(model);
  return (
    z
      .strictObject({
        model: z.literal(model.id),
        ...(model.prompt === null
          ? {}
          : { prompt: z.string().min(model.prompt.minLength).max(model.prompt.maxLength) }),
        [model.paramsField]: model.paramsRequired ? block : block.optional(),
        routing: routingSchema().optional(),
        webhookUrl: z.url().optional(),
        webhook_url: z.url().optional(),
        webhookEvents: z.array(z.enum(WEBHOOK_EVENTS)).min(1).optional(),
      })
      .refine((body) => body.webhookUrl === undefined || body.webhook_url === undefined, {
        path: ['webhook_url'],
        error: 'Give either webhookUrl or webhook_url, not both',
      })
      // Safe: the object above has exactly these fields; the computed name hides that from the compiler.
      .transform((body) => body as ParsedBody)
  );
}

function routingSchema(): z.ZodType<ParsedRouting> {
  const providers = z
    .array(z.string().regex(new RegExp(PROVIDER_ID_PATTERN)))
    .min(1)
    .max(PROVIDERS_MAX)
    .refine((names) => new Set(names).size === names.length, { error: 'Name each provider once' });
  return z.strictObject({
    providers: providers.optional(),
    fallback: z.enum(FALLBACKS).optional(),
    maxCredits: z.number().positive().optional(),
  });
}

function zodBlockFor(model: Model): z.ZodType {
  const properties = Object.fromEntries(
    Object.entries({ ...model.parameters, ...model.ignored }).map(([name, schema]) => [name, validationRules(schema)]),
  );
  return z.fromJSONSchema({
    type: 'object',
    properties,
    required: [...model.requiredParameters],
    additionalProperties: false,
  });
}
