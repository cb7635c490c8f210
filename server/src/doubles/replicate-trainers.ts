import type { Fields } from './check-fields.ts';
import type { Generation } from './double.ts';
import type { ReplicateModel } from './replicate-models.ts';

/** The one model of the double's own account that trainings can be pushed to. */
export const DESTINATION = 'double/loras';

/** The inputs of the trainer, as its source declares them. */
const TRAINER_FIELDS: Fields = {
  input_images: { type: 'address', isRequired: true },
  trigger_word: { type: 'text' },
  autocaption: { type: 'boolean' },
  autocaption_prefix: { type: 'text' },
  autocaption_suffix: { type: 'text' },
  steps: { type: 'integer', min: 3, max: 6_000 },
  learning_rate: { type: 'number' },
  batch_size: { type: 'integer' },
  resolution: { type: 'text' },
  lora_rank: { type: 'integer', min: 1, max: 128 },
  caption_dropout_rate: { type: 'number', min: 0, max: 1 },
  optimizer: { type: 'text' },
  cache_latents_to_disk: { type: 'boolean' },
  layers_to_optimize_regex: { type: 'text' },
  gradient_checkpointing: { type: 'boolean' },
};

/** The trainers that are played, by the version that the catalogue names. */
export const REPLICATE_TRAINERS: Readonly<Record<string, ReplicateModel>> = {
  'ostris/flux-dev-lora-trainer/versions/26dce37af90b9d997eeb970d92e47de3064d46c300504ae376c75bef6a9022d2/trainings': {
    fields: TRAINER_FIELDS,
    filesOf: () => [{ width: 0, height: 0, format: 'tar' }],
    isList: false,
    costMicroUsd: 1_500_000,
  },
};

/** Whether a generation is a training. */
export function isTraining({ order }: Generation): boolean {
  return Object.hasOwn(REPLICATE_TRAINERS, order.model);
}
