import { TRAINING_OPERATION, type Model } from '../../catalog/model.ts';
import { checkInput, type CheckedInput } from '../../catalog/check-input.ts';
import type { BlobWriter } from '../../core/blob-port.ts';
import { GatewayError } from '../../core/errors.ts';
import { randomBase62 } from '../../core/random.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { keepTrainingSet } from '../../files/training-set.ts';
import { endUpload } from '../../files/uploads.ts';
import { findLoraOfJob, type NewLora } from '../../loras/loras.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { requestFingerprint } from '../gate/fingerprint.ts';
import { idempotencyKeyFrom } from '../gate/idempotency-key.ts';
import { readPictureForm } from '../gate/picture-form.ts';
import { requestHeader } from '../gate/request-header.ts';
import { createSlots } from '../gate/slots.ts';
import type { SubmitRequest } from '../jobs-port.ts';
import type { LoraCreatedBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';
import { captionOf, PICTURES, readTrainingFields, type TrainingFields } from './loras-fields.ts';
import { submitOrReplay, webhookOf } from './submit.ts';

/** Each form under way holds up to 100 MB in temporary files. */
const FORMS_PER_KEY_MAX = 2;
/** 100 MB at 1.4 Mbit/s. */
const FORM_MS_MAX = 600_000;
/** A training may wait for its turn and take two hours; its pictures must still be there then. */
const KEEP_MS = 24 * 3_600_000;
/** As the contract has it: five characters. */
const WORD_LENGTH = 5;
/** The name of the action by which a model is trained. */
const TRAINING_KIND = 'train';

/** `POST /v2/loras`: takes pictures, packs them, and makes the job that trains a LoRA on them. */
export function createLora(world: HttpWorld): Operate<KeyedCall> {
  const slots = createSlots({ max: FORMS_PER_KEY_MAX, what: 'trainings' });
  return async (call): Promise<Answer> => {
    const key = idempotencyKeyFrom(requestHeader(call.context, 'idempotency-key'));
    const release = slots.take(call.caller.keyId);
    const files: BlobWriter[] = [];
    try {
      const form = await readForm(world, call, files);
      const body = { ...form.fields, images: form.hashes };
      const idempotency =
        key === null ? null : { key, fingerprint: requestFingerprint({ method: 'POST', path: '/v2/loras', body }) };
      const earlier = idempotency === null ? null : await world.jobs.findReplay(call.caller, idempotency);
      const submitted = earlier ?? (await train(world, call, { ...form, files, idempotency }));
      call.jobId = submitted.jobId;
      const lora = await findLoraOfJob(world.database, call.caller, submitted.jobId);
      if (lora === null) throw new GatewayError('internal', { internal: 'a training without a LoRA' });
      const { id, imageCount, jobId } = lora;
      const answer = { id, status: 'PENDING', imageCount, jobId } as const satisfies LoraCreatedBody;
      return json(202, answer, submitted.replayed ? { 'idempotent-replayed': 'true' } : {});
    } finally {
      release();
      for (const file of files) await file.discard();
    }
  };
}

interface ReadForm {
  fields: TrainingFields;
  /** SHA-256 of each picture, in their order. */
  hashes: string[];
}

/** Reads and checks everything that was sent; `files` gets the pictures, also when it throws. */
async function readForm(world: HttpWorld, call: KeyedCall, files: BlobWriter[]): Promise<ReadForm> {
  const done = new AbortController();
  const late = new AbortController();
  const alarm = world.clock.sleep(FORM_MS_MAX, done.signal).then(() => late.abort());
  try {
    const { fields, pictures, problems } = await readPictureForm(call.context.req.raw, {
      signal: late.signal,
      limits: { filesMax: PICTURES.max, fileBytesMax: PICTURES.bytesMax, totalBytesMax: PICTURES.totalBytesMax },
      blobs: world.blobs,
      keep: (writer) => void files.push(writer),
    });
    if (pictures.length < PICTURES.min)
      problems['images'] ??= [
        `Too small: expected ${PICTURES.min} to ${PICTURES.max} pictures, got ${pictures.length}`,
      ];
    const hashes = Object.keys(problems).length > 0 ? [] : await checkPictures(world, pictures, problems);
    // In the order of the form, which is not that in which their files were made.
    files.splice(0, files.length, ...pictures);
    return { fields: readTrainingFields(fields, problems), hashes };
  } finally {
    done.abort();
    await alarm;
  }
}

const FORMATS: ReadonlySet<string> = new Set(['jpg', 'png', 'webp']);

async function checkPictures(
  { media }: HttpWorld,
  pictures: readonly BlobWriter[],
  problems: Record<string, string[]>,
): Promise<string[]> {
  const hashes: string[] = [];
  for (const [place, { path }] of pictures.entries()) {
    const inspected = await media.inspect(path);
    if (inspected.ok && FORMATS.has(inspected.value.extension)) hashes.push(inspected.value.sha256);
    else problems[`images.${place}`] = ['Not a usable picture: send JPEG, PNG or WebP'];
  }
  return hashes;
}

/** Packs the pictures and makes the job; what was packed for nothing is given up. */
async function train(
  world: HttpWorld,
  { caller }: KeyedCall,
  form: ReadForm & { files: readonly BlobWriter[]; idempotency: SubmitRequest['idempotency'] },
): ReturnType<HttpWorld['jobs']['submitJob']> {
  const { fields, files, idempotency } = form;
  const model = trainedModel(world);
  const lora = newLora(world, fields, files.length);
  const set = { pictures: files, caption: captionOf(fields, lora.triggerWord) };
  const archive = await keepTrainingSet(world, caller, { set, keepMs: KEEP_MS });
  const giveUp = (): Promise<void> => endUpload(world, archive.id);
  try {
    const input = trainingInput(model, { fields, lora, set: mediaUrl(world.publicUrl(), archive) });
    const { webhookUrl: _url, webhookEvents: _events, ...about } = fields;
    const submitted = await submitOrReplay(world, {
      caller,
      operation: TRAINING_OPERATION,
      model,
      action: TRAINING_KIND,
      input,
      body: { loraId: lora.id, imageCount: lora.imageCount, ...about },
      webhook: webhookOf(input),
      idempotency,
      training: { lora, openMax: world.settings.teamTrainings },
    });
    if (submitted.replayed) await giveUp();
    return submitted;
  } catch (error) {
    await giveUp();
    throw error;
  }
}

function trainedModel(world: HttpWorld): Model {
  const model = world.catalog.modelWithActions(TRAINING_OPERATION)?.actions?.kinds[TRAINING_KIND]?.model;
  if (model === undefined)
    throw new GatewayError('model_unavailable', { text: 'No model of this gateway can be trained' });
  return model;
}

function newLora(world: HttpWorld, fields: TrainingFields, imageCount: number): NewLora {
  const { name, subjectKind, gender = null, ethnicity = null, age = null, steps, loraRank } = fields;
  const triggerWord = randomBase62(world.random, WORD_LENGTH).toUpperCase();
  return { id: world.newId(), name, subjectKind, gender, ethnicity, age, imageCount, steps, loraRank, triggerWord };
}

/** The training as a request for its model, checked as any other: what is wrong then is the webhook's address. */
function trainingInput(
  model: Model,
  { fields, lora, set }: { fields: TrainingFields; lora: NewLora; set: string },
): CheckedInput {
  const { webhookUrl, webhookEvents, subjectKind } = fields;
  const checked = checkInput(model, {
    model: model.id,
    [model.paramsField]: {
      training_set: set,
      trigger_word: lora.triggerWord,
      lora_id: lora.id,
      steps: lora.steps,
      lora_rank: lora.loraRank,
      subject_kind: subjectKind,
    },
    ...(webhookUrl === undefined ? {} : { webhookUrl }),
    ...(webhookEvents === undefined ? {} : { webhookEvents }),
  });
  if (checked.ok) return checked.input;
  throw refuseInput(checked.details);
}
