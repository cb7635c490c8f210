import { z } from 'zod';

import type { Outcome } from '../core/outcome.ts';
import type { ProviderCall, ProviderReference, ProviderRequest } from '../core/provider.ts';
import { failure } from './read-failure.ts';
import { outputsOf, postJson } from './upstream-json.ts';

/** The weights in what the trainer packs, which has captions and settings beside them (its own source, grade B). */
const WEIGHTS_MEMBER = 'lora.safetensors';

/** A version of a model that trains others, such as `ostris/flux-dev-lora-trainer/versions/26dce37a/trainings`. */
export interface Trainer {
  /** `owner/name`. */
  model: string;
  version: string;
}

/** The trainer that a route names, or null for a model that is run. */
export function trainerOf(upstreamModel: string): Trainer | null {
  const [, model, version] = /^([^/]+\/[^/]+)\/versions\/([^/]+)\/trainings$/.exec(upstreamModel) ?? [];
  return model === undefined || version === undefined ? null : { model, version };
}

/** Unlike predictions, trainings are not known to take a time limit; the job's own deadline stops them. */
export function startTraining({
  baseUrl,
  upstreamModel,
  destination,
  parameters,
  callbackUrl,
}: ProviderCall): ProviderRequest {
  return postJson(`${baseUrl}/models/${upstreamModel}`, {
    destination,
    input: parameters,
    ...(callbackUrl === null ? {} : { webhook: callbackUrl, webhook_events_filter: ['completed'] }),
  });
}

/** A training's reference: an address of its own tells it from a prediction. */
export function trainingReference(id: string, baseUrl: string): ProviderReference {
  return { id, pollUrl: `${baseUrl}/trainings/${encodeURIComponent(id)}`, cancelUrl: null };
}

export function isTraining({ pollUrl }: ProviderReference): boolean {
  return pollUrl !== null;
}

const trained = z.object({ weights: z.string() });

/** The new version at the destination is of no use to us: what is kept and handed on are the weights. */
export function trainedFrom(output: unknown, name: string): Outcome {
  const read = trained.safeParse(output);
  const outputs = outputsOf([read.data?.weights]).map((file) => ({ ...file, member: WEIGHTS_MEMBER }));
  if (outputs.length === 0) return failure('unknown', `${name} said that the training is done and gave no weights`);
  return { state: 'completed', outputs, costMicroUsd: null, seed: null };
}
