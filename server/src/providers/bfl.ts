import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { PollContext, Provider, ProviderAnswer, ProviderReference } from '../core/provider.ts';
import { allowedUrl, keptUrl } from './allowed-url.ts';
import { complaintOf } from './failure-text.ts';
import { missingWork } from './missing-work.ts';
import { failure, kindOfStatus, notStarted, refusal } from './read-failure.ts';
import {
  bare,
  costFrom,
  maybeNumber,
  maybeText,
  named,
  outputsOf,
  parseJson,
  postJson,
  referenceTo,
  seedFrom,
  upstreamId,
} from './upstream-json.ts';

const NAME = 'Black Forest Labs';
/** Its clusters: the one that took a task gives the address to look at. */
const HOSTS = ['*.bfl.ai'];
/** One credit is a cent. */
const MICRO_USD_PER_CREDIT = 10_000;

const task = z.object({ id: upstreamId, polling_url: maybeText, cost: maybeNumber });

const result = z.object({
  status: z.string(),
  progress: maybeNumber,
  result: z.object({ sample: maybeText, seed: maybeNumber }).nullish().catch(null),
  details: z.unknown().optional(),
});

/** Black Forest Labs. Takes no idempotency key, keeps no list of tasks and cannot cancel: its callback alone rescues. */
export const adapter: Provider = {
  id: 'bfl',
  deduplicates: false,
  start: (call) =>
    postJson(`${call.baseUrl}/v1/${call.upstreamModel}`, {
      ...call.parameters,
      ...(call.callbackUrl === null ? {} : { webhook_url: call.callbackUrl }),
    }),
  started: (answer) => {
    const read = task.safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return notStarted(answer, NAME, kindOfRefusal(answer));
    const { id, polling_url: pollingUrl, cost } = read.data;
    const reference = { ...referenceTo(id), pollUrl: keptUrl(pollingUrl) };
    return { state: 'accepted', reference, costMicroUsd: costFrom(creditsToMicroUsd(cost)) };
  },
  poll: (reference, baseUrl) => bare('GET', pollUrl(reference, baseUrl)),
  polled: (answer, context) => {
    const read = result.safeParse(answer.json);
    if (answer.status === 404) return missingWork(context, NAME, 'task');
    // A look that was refused (a key was changed, say) tells nothing about work that is paid for and going on.
    if (answer.status >= 300 || !read.success) return { state: 'pending', progress: null };
    return outcomeOf(read.data, context);
  },
  callback: (delivery) => {
    const read = named.safeParse(parseJson(delivery.body));
    return read.success ? referenceTo(read.data.id) : null;
  },
  probe: (baseUrl) => bare('GET', `${baseUrl}/v1/credits`),
  probed: (answer) => {
    const read = z.object({ credits: z.number() }).safeParse(answer.json);
    if (answer.status >= 300 || !read.success) return refusal(answer, NAME, kindOfRefusal(answer));
    const balanceMicroUsd = costFrom(creditsToMicroUsd(Math.max(0, read.data.credits)));
    return { state: 'ok', text: `${read.data.credits} credits`, balanceMicroUsd };
  },
};

function creditsToMicroUsd(credits: number | null | undefined): number | null {
  return credits == null ? null : credits * MICRO_USD_PER_CREDIT;
}

function pollUrl(reference: ProviderReference, baseUrl: string): string {
  const own = `${baseUrl}/v1/get_result?id=${encodeURIComponent(reference.id)}`;
  return allowedUrl(reference.pollUrl, { baseUrl, hosts: HOSTS }) ?? own;
}

/** A key without credits is sometimes refused as a bad one is. */
function kindOfRefusal(answer: ProviderAnswer): ReturnType<typeof kindOfStatus> {
  const isPurse = answer.status === 403 && /credit|balance|insufficient|payment/i.test(complaintOf(answer.json));
  return isPurse ? 'quota' : kindOfStatus(answer.status);
}

function outcomeOf(read: z.infer<typeof result>, context: PollContext): Outcome {
  switch (read.status) {
    case 'Ready':
      return ready(read);
    case 'Request Moderated':
    case 'Content Moderated':
      return failure('content_refused', [read.status, ...reasonsIn(read.details)].join(': '));
    case 'Error':
    case 'Failed':
      return failure('unavailable', [`${NAME} failed`, ...reasonsIn(read.details)].join(': '));
    case 'Task not found':
      return missingWork(context, NAME, 'task');
    // Pending, Reasoning, Generating and whatever comes next: the job's own deadline ends the waiting.
    default:
      return { state: 'pending', progress: percentOf(read.progress) };
  }
}

function ready(read: z.infer<typeof result>): Outcome {
  const outputs = outputsOf([read.result?.sample]);
  if (outputs.length === 0) return failure('unknown', `${NAME} said that the picture is ready and gave none`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: seedFrom(read.result?.seed) };
}

/** Progress comes as a share of one. */
function percentOf(progress: number | null | undefined): number | null {
  return progress == null ? null : Math.max(0, Math.min(100, progress * 100));
}

const detailTexts = z.union([z.string().transform((text) => [text]), z.array(z.string())]);

/** What the details say, whatever they are called: `Moderation Reasons` and the like. */
function reasonsIn(details: unknown): string[] {
  const whole = detailTexts.safeParse(details);
  if (whole.success) return [whole.data.join(', ')];
  if (typeof details !== 'object' || details === null) return [];
  const texts = Object.values(details).flatMap((value) => detailTexts.safeParse(value).data ?? []);
  return texts.length === 0 ? [] : [texts.join(', ')];
}
