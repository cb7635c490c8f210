import { z } from 'zod';

import type { ProviderAnswer, Published, PublishedModels } from '../core/provider.ts';
import { trainerOf } from './replicate-training.ts';
import { bare } from './upstream-json.ts';

/** As many as Google gives at once. */
const GOOGLE_PAGE_ITEMS = 1_000;

const replicateModel = z.object({
  latest_version: z
    .object({ openapi_schema: z.object({ components: z.object({ schemas: z.object({ Input: z.unknown() }) }) }) })
    .nullish(),
});

const replicateTrainer = z.object({
  openapi_schema: z.object({ components: z.object({ schemas: z.object({ TrainingInput: z.unknown() }) }) }),
});

/**
 * Replicate: one answer for each model, with the description of its newest version (grade A: its own documentation). A
 * trainer's own version is asked for, which describes what it trains with by another name (grade B: the source of Cog).
 */
export const replicatePublished: PublishedModels = {
  request: (baseUrl, upstreamModel) => {
    const trainer = trainerOf(upstreamModel);
    const place = trainer === null ? upstreamModel.split(':')[0] : `${trainer.model}/versions/${trainer.version}`;
    return bare('GET', `${baseUrl}/models/${place ?? ''}`);
  },
  read: (answer, upstreamModel) => {
    if (answer.status === 404) return { state: 'gone' };
    if (trainerOf(upstreamModel) !== null) return readTrainer(answer);
    const read = replicateModel.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return unsure(answer);
    const document = read.data.latest_version?.openapi_schema;
    const schema =
      document === undefined ? null : { input: document.components.schemas.Input, document: whole(answer) };
    return { state: 'listed', isDeprecated: false, schema };
  },
};

function readTrainer(answer: ProviderAnswer): Published {
  const read = replicateTrainer.safeParse(answer.json);
  if (answer.status >= 300 || !read.success) return unsure(answer);
  const input = read.data.openapi_schema.components.schemas.TrainingInput;
  return { state: 'listed', isDeprecated: false, schema: { input, document: wholeOf(answer.json) } };
}

/** References in a description start from the description itself. */
function whole({ json }: ProviderAnswer): unknown {
  return wholeOf(Object(json)['latest_version']);
}

function wholeOf(version: unknown): unknown {
  return Object(version)['openapi_schema'];
}

const falModels = z.object({
  models: z.array(
    z.object({
      endpoint_id: z.string(),
      metadata: z.object({ status: z.string().nullish() }).nullish(),
      openapi: z.unknown(),
    }),
  ),
});
const falDocument = z.object({
  paths: z.record(
    z.string(),
    z.object({
      post: z
        .object({
          requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).nullish(),
        })
        .nullish(),
    }),
  ),
});

/**
 * fal: one answer for each endpoint, from its list of models with `expand=openapi-3.0` (grade C: readers of the list in
 * public repositories). An endpoint that the list does not know has no row, or one without metadata.
 */
export function publishedAt(platformOrigin: (baseUrl: string) => string): PublishedModels {
  return {
    request: (baseUrl, upstreamModel) => {
      const query = new URLSearchParams({ endpoint_id: upstreamModel, expand: 'openapi-3.0' });
      return bare('GET', `${platformOrigin(baseUrl)}/v1/models?${query.toString()}`);
    },
    read: (answer, upstreamModel) => {
      if (answer.status === 404) return { state: 'gone' };
      const read = falModels.safeParse(answer.json);
      if (answer.status >= 300 || !read.success) return unsure(answer);
      const row = read.data.models.find((model) => model.endpoint_id === upstreamModel);
      if (row?.metadata == null) return { state: 'gone' };
      const input = falInput(row.openapi);
      const schema = input === undefined ? null : { input, document: row.openapi };
      return { state: 'listed', isDeprecated: row.metadata.status === 'deprecated', schema };
    },
  };
}

/** What the description's one start takes; undefined where there is none to be read. */
function falInput(openapi: unknown): unknown {
  const paths = Object.values(falDocument.safeParse(openapi).data?.paths ?? {});
  return paths.flatMap(({ post }) => post?.requestBody?.content['application/json']?.schema ?? [])[0];
}

const googleModels = z.object({ models: z.array(z.object({ name: z.string() })), nextPageToken: z.string().nullish() });

/** Google: one list of all models, without their inputs (grade A: its own documentation). */
export const googlePublished: PublishedModels = {
  request: (baseUrl) => bare('GET', `${baseUrl}/models?pageSize=${GOOGLE_PAGE_ITEMS}`),
  read: (answer, upstreamModel) => {
    const read = googleModels.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return unsure(answer);
    const name = `models/${upstreamModel.split(':')[0] ?? ''}`;
    if (read.data.models.some((model) => model.name === name)) return LISTED;
    return (read.data.nextPageToken ?? '') === '' ? { state: 'gone' } : { state: 'unsure', text: 'the list goes on' };
  },
};

const openAiModels = z.union([
  z.object({ data: z.array(z.object({ id: z.string() })) }).transform(({ data }) => data),
  // Together gives the list itself.
  z.array(z.object({ id: z.string() })),
]);

/** What speaks OpenAI's shape: one list of all models, without their inputs (grade A: OpenAI's description). */
export const openAiPublished: PublishedModels = {
  request: (baseUrl) => bare('GET', `${baseUrl}/models`),
  read: (answer, upstreamModel) => {
    const read = openAiModels.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return unsure(answer);
    return read.data.some(({ id }) => id === upstreamModel) ? LISTED : { state: 'gone' };
  },
};

const LISTED: Published = { state: 'listed', isDeprecated: false, schema: null };

function unsure({ status, text }: ProviderAnswer): Published {
  return { state: 'unsure', text: `status ${status}: ${text.slice(0, TEXT_CHARACTERS_MAX)}` };
}

/** A line for people. */
const TEXT_CHARACTERS_MAX = 200;
