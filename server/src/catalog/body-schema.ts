import { z } from 'zod';

import type { Model } from './model.ts';
import { validationRules } from './parameter-zod.ts';

/** The events that a webhook can be asked for. */
export const WEBHOOK_EVENTS = ['progress', 'completed', 'failed'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** The names beside prompt and parameters; `webhook_url` is another spelling of `webhookUrl`. */
export const COMMON_NAMES = ['model', 'webhookUrl', 'webhook_url', 'webhookEvents'] as const;

/** A request body that passed; the parameters' block is under the model's own name for it. */
export interface ParsedBody {
  model: string;
  prompt?: string;
  webhookUrl?: string;
  webhook_url?: string;
  webhookEvents?: WebhookEvent[];
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
