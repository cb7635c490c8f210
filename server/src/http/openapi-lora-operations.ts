import { z } from 'zod';

import { inPath, ok, query, type OperationFacts } from './openapi-facts.ts';
import { PICTURES, trainingFields } from './v2/loras-fields.ts';

const COMMON = { tag: 'LoRAs', isAddition: false, needsKey: true } as const;
const id = { ...inPath('id', 'The LoRA.'), schema: { type: 'string', format: 'uuid' } };

function formSchema(): Record<string, unknown> {
  const { properties = {}, required = [] } = z.toJSONSchema(trainingFields, { io: 'input', unrepresentable: 'any' });
  const images = {
    type: 'array',
    minItems: PICTURES.min,
    maxItems: PICTURES.max,
    items: { type: 'string', format: 'binary' },
    description: 'JPEG, PNG or WebP, up to 10 MB each and 100 MB together.',
  };
  return { type: 'object', properties: { ...properties, images }, required: [...required, 'images'] };
}

/** The operations upon LoRAs. */
export const LORA_OPERATIONS: readonly OperationFacts[] = [
  {
    ...COMMON,
    method: 'post',
    path: '/v2/loras',
    id: 'createLora',
    summary: 'Train a LoRA',
    description:
      'Takes 15 to 30 pictures of one person, thing or style, holds the price, and trains. Poll the LoRA or its job, or ask for ' +
      'a webhook. Nothing is charged for a training that fails.',
    parameters: [],
    body: { type: 'form', schema: formSchema() },
    answers: [ok(202, 'LoraCreated', 'The training is queued and its credits are held.')],
    refusals: [400, 401, 402, 403, 409, 429, 502, 503],
  },
  {
    ...COMMON,
    method: 'get',
    path: '/v2/loras',
    id: 'listLoras',
    summary: 'List the team’s LoRAs',
    description: 'Newest first; archived ones only when asked for.',
    parameters: [
      query('cursor', { type: 'string', format: 'uuid' }, 'The nextCursor of the page before.'),
      query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 24 }, 'LoRAs on a page.'),
      query('includeArchived', { type: 'string', enum: ['true', 'false'], default: 'false' }, 'Archived ones too.'),
    ],
    body: null,
    answers: [ok(200, 'LoraList', 'A page.')],
    refusals: [400, 401, 403, 429, 503],
  },
  {
    ...COMMON,
    method: 'get',
    path: '/v2/loras/{id}',
    id: 'getLora',
    summary: 'Read a LoRA',
    description: 'As it is now.',
    parameters: [id],
    body: null,
    answers: [ok(200, 'Lora', 'The LoRA.')],
    refusals: [400, 401, 403, 404, 429, 503],
  },
  {
    ...COMMON,
    method: 'delete',
    path: '/v2/loras/{id}',
    id: 'archiveLora',
    summary: 'Archive a LoRA',
    description:
      'Its weights are deleted. A training that goes on is stopped, and nothing is charged for it. Archiving twice is as archiving once.',
    parameters: [id],
    body: null,
    answers: [{ status: 204, description: 'It is archived.', type: null, schema: null }],
    refusals: [400, 401, 403, 404, 429, 503],
  },
];
