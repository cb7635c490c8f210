import { FALLBACKS, PROVIDER_ID_PATTERN, PROVIDERS_MAX, WEBHOOK_EVENTS } from './body-schema.ts';
import { ANY_ROUTE } from './check-input.ts';
import type { JsonValue } from './json-value.ts';
import { PARENT_FILE, type Availability, type Model, type ParameterSchema } from './model.ts';
import { priceRange, pricingModeOf, type PricingMode } from './quote.ts';
import { widgetOf, type Widget } from './widget.ts';

type JsonObject = Record<string, JsonValue>;

/** The JSON Schema (2020-12, as in OpenAPI 3.1) of a request body for this model. */
export function requestSchema(model: Model): JsonObject {
  const { prompt } = model;
  return {
    type: 'object',
    title: model.label,
    description: model.tagline,
    // Whoever reads the document sees that it is not for new code.
    ...(model.availability.state === 'retired' ? { deprecated: true } : {}),
    additionalProperties: false,
    properties: {
      model: { type: 'string', enum: [model.id], description: 'The model to run.' },
      ...(prompt === null
        ? {}
        : { prompt: { type: 'string', ...prompt, description: 'What the result should show, in plain words.' } }),
      [model.paramsField]: blockSchema(model),
      ...commonProperties(),
    },
    required: ['model', ...(prompt === null ? [] : ['prompt']), ...(model.paramsRequired ? [model.paramsField] : [])],
    not: { required: ['webhookUrl', 'webhook_url'] },
  };
}

/** What every request that makes a job may hold beside the rest. */
function commonProperties(): JsonObject {
  return {
    routing: routingSchema(),
    webhookUrl: { type: 'string', format: 'uri', description: 'Where to send the events of this job.' },
    webhook_url: {
      type: 'string',
      format: 'uri',
      description: 'Another spelling of webhookUrl. Give one of the two.',
    },
    webhookEvents: {
      type: 'array',
      items: { type: 'string', enum: [...WEBHOOK_EVENTS] },
      minItems: 1,
      description: 'Which events to send. Without it: completed and failed.',
    },
  };
}

/** The JSON Schema of a request that acts upon a finished job: one form for each action. */
export function actionSchema({ actions, label }: Model): JsonObject {
  const kinds = Object.entries(actions?.kinds ?? {});
  return {
    description: `What follows upon a finished job of ${label}.`,
    oneOf: kinds.map(([kind, { model, prompt, promptRequired }]) => {
      const { [PARENT_FILE]: _, ...parameters } = model.parameters;
      const text = 'What the result should show, in plain words. Without it: the words of the finished job.';
      return {
        type: 'object',
        additionalProperties: false,
        properties: {
          action: { type: 'string', enum: [kind], description: 'What to do.' },
          parentJobId: { type: 'string', format: 'uuid', description: 'The finished job.' },
          ...(prompt === null ? {} : { prompt: { type: 'string', ...prompt, description: text } }),
          ...publicSchemas(parameters),
          ...commonProperties(),
        },
        required: ['action', 'parentJobId', ...(promptRequired ? ['prompt'] : []), ...model.requiredParameters],
        not: { required: ['webhookUrl', 'webhook_url'] },
      };
    }),
  };
}

function routingSchema(): JsonObject {
  return {
    type: 'object',
    additionalProperties: false,
    description: 'An addition of this gateway: who may serve the job, and at what price.',
    properties: {
      providers: {
        type: 'array',
        items: { type: 'string', pattern: PROVIDER_ID_PATTERN },
        minItems: 1,
        maxItems: PROVIDERS_MAX,
        uniqueItems: true,
        description: 'Only these providers, tried in this order. Without it: all that serve the model.',
      },
      fallback: {
        type: 'string',
        enum: [...FALLBACKS],
        default: ANY_ROUTE.fallback,
        description:
          'exact: only routes that need no adjustment of the request. nearest: adjustments are made and listed. ' +
          'none: the first route or nothing.',
      },
      maxCredits: {
        type: 'number',
        exclusiveMinimum: 0,
        description: 'The most that the job may cost. A dearer request is refused before anything is held.',
      },
    },
  };
}

function blockSchema(model: Model): JsonObject {
  const used = Object.entries(model.parameters).map(([name, schema]) => [name, publicSchema(schema)]);
  const ignored = Object.entries(model.ignored).map(([name, schema]) => [
    name,
    { ...publicSchema(schema), description: 'Accepted, checked and ignored: this model has no use for it.' },
  ]);
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([...used, ...ignored]),
    ...(model.requiredParameters.length === 0 ? {} : { required: [...model.requiredParameters] }),
  };
}

function publicSchemas(schemas: Readonly<Record<string, ParameterSchema>>): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, publicSchema(schema)]));
}

/** Our own additions in words that JSON Schema has. */
function publicSchema(schema: ParameterSchema): JsonObject {
  const {
    'x-choices': choices,
    'x-group': _group,
    'x-widget': _widget,
    items,
    enum: values,
    properties,
    required,
    ...rest
  } = schema;
  // The contract leaves some integers without limits; numbers that JSON readers would round are refused.
  const safe = schema.type === 'integer' ? { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } : {};
  return {
    ...safe,
    ...rest,
    ...(values === undefined ? {} : { enum: [...values] }),
    ...(items === undefined ? {} : { items: publicSchema(items) }),
    ...(choices === undefined ? {} : { examples: [...choices] }),
    ...(properties === undefined ? {} : { properties: publicSchemas(properties) }),
    ...(required === undefined ? {} : { required: [...required] }),
  };
}

/** One parameter as `GET /v2/models` shows it. */
export interface ParameterDescription {
  name: string;
  type: ParameterSchema['type'];
  meaning: string;
  required: boolean;
  default: JsonValue | null;
  minimum: number | null;
  maximum: number | null;
  maxLength: number | null;
  maxItems: number | null;
  /** The values that are allowed, or (`choicesOnly: false`) suggested. */
  choices: (string | number)[] | null;
  choicesOnly: boolean;
  /** The value, or each item of it, is a URL. */
  isUrl: boolean;
  group: 'basic' | 'advanced';
  /** What a form draws for it. */
  widget: Widget;
}

/** One entry of `GET /v2/models`. The first seven fields are the contract's, the others are ours. */
export interface ModelDescription {
  id: string;
  label: string;
  modality: Model['modality'];
  description: string;
  costMin: number;
  /** Absent where the price goes by a file that has no limit. */
  costMax?: number;
  pricingMode: PricingMode;
  family: string;
  maker: { name: string; url: string };
  endpoint: string;
  paramsKey: string;
  paramsRequired: boolean;
  /** null where the prompt is one of the parameters. */
  promptLengthMax: number | null;
  parameters: ParameterDescription[];
  ignored: string[];
  availability: Availability;
  sandbox: { available: boolean; only: boolean };
  /** How long runs took on this gateway; null where too few have been bought. */
  measuredSeconds: { count: number; p50: number; p95: number } | null;
}

/** What the catalogue says about a model, for callers, and what this gateway has measured of it. */
export function describeModel(
  model: Model,
  measuredSeconds: ModelDescription['measuredSeconds'] = null,
): ModelDescription {
  const { min, max } = priceRange(model);
  return {
    id: model.id,
    label: model.label,
    modality: model.modality,
    description: model.tagline,
    costMin: min,
    ...(max === null ? {} : { costMax: max }),
    pricingMode: pricingModeOf(model),
    family: model.family,
    maker: model.maker,
    endpoint: `/v2/${model.operations[0] ?? ''}`,
    paramsKey: model.paramsField,
    paramsRequired: model.paramsRequired,
    promptLengthMax: model.prompt?.maxLength ?? null,
    parameters: Object.entries(model.parameters).map(([name, schema]) => describeParameter(model, name, schema)),
    ignored: Object.keys(model.ignored),
    availability: model.availability,
    sandbox: {
      available: model.routes.some((route) => route.sandbox),
      only: model.routes.length > 0 && model.routes.every((route) => route.sandbox),
    },
    measuredSeconds,
  };
}

function describeParameter(model: Model, name: string, schema: ParameterSchema): ParameterDescription {
  const choices = schema.enum ?? schema['x-choices'];
  return {
    name,
    type: schema.type,
    meaning: schema.description ?? '',
    required: model.requiredParameters.includes(name),
    default: schema.default ?? null,
    minimum: schema.minimum ?? null,
    maximum: schema.maximum ?? null,
    maxLength: schema.maxLength ?? null,
    maxItems: schema.maxItems ?? null,
    choices: choices === undefined ? null : [...choices],
    choicesOnly: schema.enum !== undefined,
    isUrl: schema.format === 'uri' || schema.items?.format === 'uri',
    group: schema['x-group'] ?? 'basic',
    widget: widgetOf(name, schema),
  };
}
