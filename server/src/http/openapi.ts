import { z } from 'zod';

import type { Catalog } from '../catalog/load-catalog.ts';
import { ACTION_OPERATIONS, OPERATIONS } from '../catalog/model.ts';
import { actionSchema, requestSchema } from '../catalog/openapi-parts.ts';
import { requestName, type OperationFacts } from './openapi-facts.ts';
import { OPERATION_FACTS } from './openapi-operations.ts';
import { BODY_SCHEMAS } from './provider-schemas.ts';
import { RESPONSE_SCHEMAS } from './schemas.ts';
import { createAssetSchema } from './v2/assets-create.ts';

type JsonObject = Record<string, unknown>;

/** The OpenAPI 3.1 document: our own response schemas, the catalogue's request schemas, our own words. */
export function openApiDocument({
  catalog,
  publicUrl,
  version,
}: {
  catalog: Catalog;
  publicUrl: string;
  version: string;
}): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const operation of OPERATION_FACTS) {
    (paths[operation.path] ??= {})[operation.method] = operationObject(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lumegate API',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Submit a job, follow it by polling, waiting, live events or webhook, and fetch the result. ' +
        'Parts marked x-lumegate-addition go beyond the contract that this API is compatible with.',
    },
    servers: [{ url: publicUrl }],
    tags: ['Images', 'Videos', 'Music', 'Jobs', 'Models', 'Uploads', 'Account', 'Operation', 'Admin'].map((name) => ({
      name,
    })),
    paths,
    components: {
      securitySchemes: {
        ApiKeyAuth: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'A key of this gateway, beginning with afk_.',
        },
      },
      schemas: { ...requestSchemas(catalog), ...bodySchemas(), ...responseSchemas() },
    },
  };
}

/** `images/generate` is ImagesGenerateRequest; EstimateRequest takes any of them. */
function requestSchemas(catalog: Catalog): JsonObject {
  const schemas: JsonObject = {};
  const all: unknown[] = [];
  for (const operation of OPERATIONS) {
    const models = catalog.modelsFor(operation);
    if (models.length === 0) continue;
    const name = requestName(operation);
    schemas[name] = {
      oneOf: models.map(requestSchema),
      description: 'The model decides which names the request may hold.',
    };
    all.push({ $ref: `#/components/schemas/${name}` });
  }
  for (const operation of ACTION_OPERATIONS) {
    const model = catalog.modelWithActions(operation);
    if (model !== undefined) schemas[requestName(operation)] = actionSchema(model);
  }
  schemas['EstimateRequest'] = { oneOf: all, description: 'The body of any request that runs a model.' };
  return schemas;
}

/** Bodies that do not depend on the catalogue. */
function bodySchemas(): JsonObject {
  return Object.fromEntries(
    Object.entries({ ...BODY_SCHEMAS, CreateAssetRequest: createAssetSchema }).map(([name, schema]) => {
      const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
      return [name, rest];
    }),
  );
}

function responseSchemas(): JsonObject {
  return Object.fromEntries(
    Object.entries(RESPONSE_SCHEMAS).map(([name, schema]) => {
      const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'output' });
      return [name, allowMore(rest)];
    }),
  );
}

/** Answers may grow: a client that refuses what it does not know would break at our next addition. */
function allowMore(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(allowMore);
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).filter(([name, value]) => name !== 'additionalProperties' || value !== false);
  return Object.fromEntries(entries.map(([name, value]) => [name, allowMore(value)]));
}

function operationObject(operation: OperationFacts): JsonObject {
  const { id, tag, summary, description, isAddition, needsKey, parameters, body, answers, refusals } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    ...(isAddition ? { 'x-lumegate-addition': true } : {}),
    security: needsKey ? [{ ApiKeyAuth: [] }] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === null ? {} : { requestBody: { required: true, content: bodyContent(body) } }),
    responses: Object.fromEntries([
      ...answers.map((answer) => [String(answer.status), responseObject(answer)] as const),
      ...refusals.map((status) => [String(status), refusalObject(status)] as const),
    ]),
  };
}

function bodyContent(body: NonNullable<OperationFacts['body']>): JsonObject {
  if (body.type === 'json') return { 'application/json': { schema: { $ref: `#/components/schemas/${body.schema}` } } };
  if (body.type === 'form') return { 'multipart/form-data': { schema: body.schema } };
  const file = {
    type: 'string',
    format: 'binary',
    description: 'PNG, JPEG, WebP, GIF, MP4, WebM, MOV, MP3, WAV, OGG or M4A.',
  };
  return { 'multipart/form-data': { schema: { type: 'object', properties: { file }, required: ['file'] } } };
}

const REQUEST_ID_HEADER = {
  description: 'The id of this request in our log; your own if you sent one.',
  schema: { type: 'string' },
};

function responseObject(answer: OperationFacts['answers'][number]): JsonObject {
  const schema = answer.schema === null ? {} : { $ref: `#/components/schemas/${answer.schema}` };
  return {
    description: answer.description,
    headers: { 'X-Request-Id': REQUEST_ID_HEADER, ...answer.headers },
    ...(answer.type === null ? {} : { content: { [answer.type]: { schema } } }),
  };
}

/** Every refusal that an operation can name, with its envelope. */
const REFUSALS: Readonly<Record<number, { description: string; schema: string; waits?: true }>> = {
  400: { description: 'Something in the request is wrong; `details` names each field.', schema: 'ValidationError' },
  401: { description: 'No key, or one that is unknown, expired or revoked.', schema: 'Error' },
  402: { description: 'Too few credits. Nothing was held.', schema: 'InsufficientCredits' },
  403: { description: 'The key is switched off, or the caller may not do this.', schema: 'Error' },
  404: { description: 'Not found. What belongs to somebody else answers the same.', schema: 'Error' },
  409: { description: 'In conflict with what has happened before.', schema: 'Error' },
  416: { description: 'The range lies beyond the end of the file.', schema: 'Error' },
  429: { description: 'Too many requests, or too many jobs waiting.', schema: 'Error', waits: true },
  502: { description: 'The file could not be stored.', schema: 'Error' },
  503: { description: 'The store is not available for the moment.', schema: 'Error', waits: true },
};

function refusalObject(status: number): JsonObject {
  const refusal = REFUSALS[status];
  if (refusal === undefined) throw new Error(`no words for the refusal ${status}`);
  const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 1 } } };
  return {
    description: refusal.description,
    headers: { 'X-Request-Id': REQUEST_ID_HEADER, ...(refusal.waits === true ? retryAfter : {}) },
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${refusal.schema}` } } },
  };
}
