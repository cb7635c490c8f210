import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Provider, ProviderReference } from '../core/provider.ts';
import { complaintOf } from './failure-text.ts';
import { inlinePicture } from './inline-picture.ts';
import { failure, notStarted, refusal } from './read-failure.ts';
import { stripTagsInParameters } from './strip-prompt-tags.ts';
import { bare, maybeNumber, maybeText, outputsOf, postJson, referenceTo, upstreamId } from './upstream-json.ts';

const NAME = 'sd-server';

/** Sides in pixels that the server is ever asked for; it would take 4096, which few cards survive. */
const SIDE_PIXELS_MAX = 2048;
const SIDE_PIXELS_MIN = 64;
/** The models it runs think in blocks of this many pixels. */
const SIDE_MULTIPLE = 16;

/** It knows its jobs at once; something between it and us may not. */
const LAG_MS_MAX = 10_000;

/** Identifiers may be counters that begin anew with the server: the second in which a job was made tells them apart. */
const SEPARATOR = '@';

const job = z.object({ id: upstreamId, created: maybeNumber });

const seenJob = z.object({
  status: z.string(),
  created: maybeNumber,
  result: z
    .object({ output_format: maybeText, images: z.array(z.unknown()).nullish().catch(null) })
    .nullish()
    .catch(null),
  error: z.unknown().optional(),
});

const image = z.object({ b64_json: maybeText });

/**
 * stable-diffusion.cpp's own asynchronous API, on the operator's machine. It is used instead of that server's
 * OpenAI route, which obeys commands inside the prompt. One server runs one model, so that none is named.
 */
export const adapter: Provider = {
  id: 'sd-server',
  deduplicates: false,
  start: (call) => postJson(`${call.baseUrl}/sdcpp/v1/img_gen`, bounded(stripTagsInParameters(call.parameters))),
  started: (answer) => {
    const read = job.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME);
    return { state: 'accepted', reference: referenceOf(read.data), costMicroUsd: null };
  },
  poll: (reference, baseUrl) => bare('GET', jobUrl(reference, baseUrl)),
  polled: (answer, context) => {
    if (answer.status === 404) return missing(context);
    if (answer.status === 410) return failure('unavailable', `${NAME} has thrown the result away`);
    const read = seenJob.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return isAnother(read.data, context)
      ? failure('unavailable', `${NAME} was started anew and has given the job's id to another`)
      : outcomeOf(read.data);
  },
  cancel: (reference, baseUrl) => bare('POST', `${jobUrl(reference, baseUrl)}/cancel`),
  probe: (baseUrl) => bare('GET', `${baseUrl}/sdcpp/v1/capabilities`),
  probed: (answer) => {
    const read = z.object({ model: z.object({ name: z.string().max(200) }) }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME);
    return { state: 'ok', text: `runs ${read.data.model.name}`, balanceMicroUsd: null };
  },
};

/** The last wall: whatever route and caller say, one picture of a size that the machine survives. */
function bounded(parameters: Record<string, unknown>): Record<string, unknown> {
  const { width, height, ...others } = parameters;
  return { ...others, ...side('width', width), ...side('height', height), batch_count: 1 };
}

/** A side that is no number is left out: the server then takes the size that its operator gave it. */
function side(name: 'width' | 'height', value: unknown): Record<string, number> {
  if (typeof value !== 'number' || !Number.isFinite(value)) return {};
  const within = Math.min(SIDE_PIXELS_MAX, Math.max(SIDE_PIXELS_MIN, value));
  return { [name]: Math.floor(within / SIDE_MULTIPLE) * SIDE_MULTIPLE };
}

function referenceOf({ id, created }: z.infer<typeof job>): ProviderReference {
  return referenceTo(Number.isSafeInteger(created) ? `${id}${SEPARATOR}${created}` : id);
}

function jobUrl(reference: ProviderReference, baseUrl: string): string {
  const [id = ''] = reference.id.split(SEPARATOR);
  return `${baseUrl}/sdcpp/v1/jobs/${encodeURIComponent(id)}`;
}

function missing({ ageMs }: PollContext): Outcome {
  if (ageMs < LAG_MS_MAX) return { state: 'pending', progress: null };
  return failure('unavailable', `${NAME} does not know the job: it was started anew`);
}

/** Whether the job seen was made at another time than ours. */
function isAnother(seen: z.infer<typeof seenJob>, context: PollContext): boolean {
  const created = context.reference.id.split(SEPARATOR)[1];
  return created !== undefined && seen.created != null && String(seen.created) !== created;
}

function outcomeOf(seen: z.infer<typeof seenJob>): Outcome {
  const words = complaintOf({ error: seen.error });
  switch (seen.status) {
    case 'completed':
      return completed(seen);
    case 'failed':
      // Out of memory, mostly: a further try costs nothing but time here.
      return failure('unavailable', words === '' ? `${NAME} failed` : `${NAME} failed: ${words}`);
    case 'cancelled':
      return failure('unknown', `The job was cancelled at ${NAME}`);
    // Queued, generating and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: null };
  }
}

function completed(seen: z.infer<typeof seenJob>): Outcome {
  const images = (seen.result?.images ?? []).map((item) => image.safeParse(item).data?.b64_json);
  const outputs = outputsOf(images.map((base64) => inlinePicture(base64, seen.result?.output_format)));
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the picture is ready and gave none`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}
