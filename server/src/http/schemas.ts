import { z } from 'zod';

import { ATTEMPT_STATES, JOB_STATES } from '../jobs/states.ts';
import { WIDGETS } from '../catalog/widget.ts';
import { LORA_STATES, SUBJECT_KINDS } from '../loras/loras.ts';
import * as provider from './provider-schemas.ts';

// What we answer, once: the OpenAPI document is made from these, and the operations' types too.

/** Marks what the contract that we speak does not have; the description says what it is for. */
function addition<T extends z.ZodType>(schema: T, description: string): T {
  return schema.meta({ description, 'x-lumegate-addition': true });
}

const instant = z.iso.datetime();

export const jobAcceptedSchema = z
  .object({
    jobId: z.uuid(),
    status: z
      .enum(['QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED'])
      .describe(
        'The job as it stands. QUEUED for a new one; a replayed Idempotency-Key tells how far the first job has come.',
      ),
  })
  .describe('A job was made (or, for a replayed Idempotency-Key, found).');

export const jobListItemSchema = z
  .object({
    id: z.uuid(),
    status: z.enum(JOB_STATES),
    model: z.string(),
    operation: addition(z.string(), 'Where the job was submitted, for example images/generate.'),
    progress: z.int().min(0).max(100),
    result: z.unknown().describe('What was made, for example `{ "images": [url] }`; null until the job is COMPLETED.'),
    error: z.string().nullable().describe('Why the job FAILED, in words for people.'),
    creditCost: z
      .int()
      .nullable()
      .describe('Credits held while the job is open, captured when COMPLETED, 0 when FAILED or CANCELLED.'),
    webhookStatus: z.enum(['pending', 'delivered', 'failed']).nullable(),
    provider: addition(z.string().nullable(), 'Who drew it, or is drawing it; null while nobody has been asked.'),
    sandbox: addition(z.boolean(), 'True where the sandbox drew a stand-in and no model ran.'),
    createdAt: instant,
    completedAt: instant.nullable(),
    expired: z.boolean().describe('True once the result files have been deleted; their addresses answer 404.'),
    cancelRequested: z
      .boolean()
      .describe('True once its caller has asked to cancel it; a running job ends as soon as its provider lets go.')
      .meta({ 'x-lumegate-addition': true }),
  })
  .describe('A job without its input.');

export const jobSchema = jobListItemSchema
  .extend({ input: z.record(z.string(), z.unknown()).nullable().describe('The request as it was received.') })
  .describe('A job.');

export const jobListSchema = z
  .object({
    jobs: z.array(jobListItemSchema),
    nextCursor: z.string().nullable().describe('Give it as `cursor` to read on; null on the last page.'),
    hasMore: z.boolean(),
    models: z.array(z.string()).optional().describe('With include_models=true: every model that occurs in the jobs.'),
  })
  .describe('A page of jobs, newest first.');

const adjustmentSchema = z.object({
  parameter: z.string(),
  asked: z.unknown(),
  applied: z.unknown(),
  reason: z.string(),
});

export const timelineSchema = z
  .object({
    jobId: z.uuid(),
    events: z.array(
      z.object({
        sequence: z.int(),
        kind: z.string(),
        at: instant,
        data: z.record(z.string(), z.unknown()),
      }),
    ),
    attempts: z
      .array(
        z.object({
          number: z.int(),
          provider: z.string(),
          upstreamModel: z.string().describe('The provider’s own name of the model.'),
          state: z.enum(ATTEMPT_STATES),
          failureKind: z.string().nullable(),
          adjustments: z.array(adjustmentSchema),
          seed: z.int().nullable(),
          intentAt: instant,
          acceptedAt: instant.nullable(),
          closedAt: instant.nullable(),
        }),
      )
      .describe('Every try at a provider, oldest first.'),
  })
  .describe('Every step of a job with its time.');

export const estimateSchema = z
  .object({
    model: z.string(),
    credits: z.int().describe('What a run would hold now and capture when completed.'),
    creditsAvailable: z.int(),
    secondsExpected: z.number().nullable().describe('null where neither a measurement nor a vendor figure exists.'),
    ignored: z.array(z.string()).describe('Parameters of the request that the model has no use for.'),
    adjustments: z.array(adjustmentSchema).describe('What would be done differently from what was asked.'),
    provider: z.string(),
    sandbox: z.boolean(),
  })
  .describe('What a request would cost and do. Nothing is held or stored.');

export const meSchema = z
  .object({
    user: z.object({ id: z.uuid(), email: z.email(), role: z.enum(['ADMIN', 'MEMBER', 'OWNER']) }),
    team: z
      .object({
        id: z.uuid(),
        name: z.string(),
        plan: z.string(),
        credits: z.int().min(0).describe('What can be spent: the balance less what open jobs hold.'),
        customerId: z.string().nullable(),
        maxConcurrentJobs: z.int(),
      })
      .nullable(),
    apiKey: z
      .object({
        id: z.uuid(),
        name: z.string(),
        prefix: z.string(),
        mode: addition(z.enum(['live', 'test']), 'Test keys reach the sandbox only and spend test credits.'),
      })
      .nullable(),
  })
  .describe('Who asks: the user, the team and the key.');

export const uploadSchema = z
  .object({
    id: z.uuid(),
    url: z.url().describe('Goes into any field of a request that takes a file.'),
    kind: z.enum(['image', 'video', 'audio']),
    contentType: z.string(),
    byteSize: z.int().min(0),
    expiresAt: instant,
  })
  .describe('A stored input file.');

export const assetCreatedSchema = z
  .object({ assetId: z.uuid().describe('Goes into a field that takes a file, as `asset://<assetId>`.') })
  .describe('The file was copied.');

export const assetSchema = z
  .object({
    assetId: z.uuid(),
    type: z.enum(['image', 'video', 'audio']),
    url: z.url(),
    contentType: z.string(),
    byteSize: z.int().min(0),
    createdAt: instant,
    expiresAt: instant,
  })
  .describe('A file that is kept for several jobs.');

export const loraCreatedSchema = z
  .object({
    id: z.uuid().describe('Goes into `fluxLoraParams.loraId` once it is READY.'),
    status: z.literal('PENDING'),
    imageCount: z.int(),
    jobId: addition(z.uuid(), 'The job that trains it; tells more than the LoRA does.'),
  })
  .describe('The pictures are stored and the training is queued.');

export const loraSchema = z
  .object({
    id: z.uuid(),
    userId: z.uuid(),
    teamId: z.uuid(),
    name: z.string(),
    subjectKind: z.enum(SUBJECT_KINDS),
    gender: z.string().nullable(),
    ethnicity: z.string().nullable(),
    age: z.string().nullable(),
    status: z.enum(LORA_STATES),
    imageCount: z.int(),
    steps: z.int(),
    loraRank: z.int(),
    isReady: z.boolean(),
    error: z.string().nullable().describe('Why the training failed, in words for people.'),
    createdAt: instant,
    startedAt: instant.nullable(),
    completedAt: instant.nullable(),
    hasWeights: z.boolean().describe('Whether the trained weights are in the store.'),
    triggerWord: z
      .string()
      .nullable()
      .describe('Calls the learned thing up; put before a prompt that lacks it. null until READY.'),
    jobId: addition(z.uuid(), 'The job that trains it.'),
  })
  .describe('A LoRA that the team has trained or is training.');

export const loraListSchema = z
  .object({ items: z.array(loraSchema), nextCursor: z.string().nullable() })
  .describe('A page of LoRAs, newest first.');

export const errorSchema = z
  .object({ error: z.string() })
  .describe('Why the request was refused, in words for people.');

export const validationErrorSchema = z
  .object({
    error: z.string(),
    details: z
      .record(z.string(), z.array(z.string()))
      .optional()
      .describe('Texts by JSON path, such as fluxParams.seed.'),
  })
  .describe('What is wrong with the request, field by field.');

export const insufficientCreditsSchema = z
  .object({
    error: z.literal('Insufficient credits'),
    creditsRequired: z.int().min(0),
    creditsAvailable: z.int().min(0),
  })
  .describe('The team has too few credits for this run. Nothing was held.');

export const modelSchema = z
  .looseObject({
    id: z.string(),
    label: z.string(),
    modality: z.enum(['image', 'video', 'music']),
    description: z.string(),
    costMin: z.number(),
    costMax: z.number().optional(),
    pricingMode: z.enum(['flat', 'per-second', 'per-output']),
    endpoint: addition(z.string(), 'Where to submit.'),
    paramsKey: addition(z.string(), 'The name of the parameters’ block in the request.'),
    parameters: addition(
      z.array(z.looseObject({ name: z.string(), type: z.string(), widget: z.enum(WIDGETS) })),
      'Every parameter that the model uses, with the `widget` that a form may draw for it.',
    ),
    measuredSeconds: addition(
      z.object({ count: z.int(), p50: z.number(), p95: z.number() }).nullable(),
      'How long the last runs took on this gateway, in seconds; null where too few have been bought here.',
    ),
    ignored: addition(z.array(z.string()), 'Names that are accepted and have no effect.'),
  })
  .describe('A model of the catalogue.');

export const modelListSchema = z.object({ models: z.array(modelSchema) }).describe('The catalogue.');

export const healthSchema = z.object({ status: z.literal('ok') }).describe('The process is alive.');

export const readinessSchema = z
  .object({
    status: z.enum(['ready', 'not-ready']),
    checks: z.record(z.string(), z.string()).describe('`ok`, or what is the matter.'),
    warnings: z
      .record(z.string(), z.string())
      .describe('`ok`, or what is the matter though work is taken: providers whose every key is refused.'),
  })
  .describe('Whether the process can take work.');

/** Every named schema of the OpenAPI document. */
export const RESPONSE_SCHEMAS = {
  JobAccepted: jobAcceptedSchema,
  Job: jobSchema,
  JobList: jobListSchema,
  Timeline: timelineSchema,
  Estimate: estimateSchema,
  Me: meSchema,
  Upload: uploadSchema,
  AssetCreated: assetCreatedSchema,
  Asset: assetSchema,
  LoraCreated: loraCreatedSchema,
  Lora: loraSchema,
  LoraList: loraListSchema,
  Model: modelSchema,
  ModelList: modelListSchema,
  Error: errorSchema,
  ValidationError: validationErrorSchema,
  InsufficientCredits: insufficientCreditsSchema,
  Health: healthSchema,
  Readiness: readinessSchema,
  ProviderList: provider.providerListSchema,
  ProviderKey: provider.providerKeySchema,
  ProviderTest: provider.providerTestSchema,
  AlertList: provider.alertListSchema,
  OwnProviderKey: provider.ownProviderKeySchema,
  OwnProviderKeyList: provider.ownProviderKeyListSchema,
} as const;

export type JobListItemBody = z.infer<typeof jobListItemSchema>;
export type JobBody = z.infer<typeof jobSchema>;
export type JobListBody = z.infer<typeof jobListSchema>;
export type TimelineBody = z.infer<typeof timelineSchema>;
export type EstimateBody = z.infer<typeof estimateSchema>;
export type MeBody = z.infer<typeof meSchema>;
export type AssetCreatedBody = z.infer<typeof assetCreatedSchema>;
export type AssetBody = z.infer<typeof assetSchema>;
export type LoraCreatedBody = z.infer<typeof loraCreatedSchema>;
export type LoraBody = z.infer<typeof loraSchema>;
export type LoraListBody = z.infer<typeof loraListSchema>;
export type UploadBody = z.infer<typeof uploadSchema>;
