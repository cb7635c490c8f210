import { checkInput, type CheckedInput } from '../../catalog/check-input.ts';
import type { JsonValue } from '../../catalog/json-value.ts';
import { PARENT_FILE, type ActionOperation, type Model, type ModelAction } from '../../catalog/model.ts';
import { nearestName } from '../../catalog/spelling.ts';
import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import type { JobRecord } from '../../jobs/job-record.ts';
import type { Answer } from '../gate/answer.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { requestFingerprint } from '../gate/fingerprint.ts';
import { idempotencyKeyFrom } from '../gate/idempotency-key.ts';
import { requestHeader } from '../gate/request-header.ts';
import type { HttpWorld } from '../world.ts';
import { keepMask } from './action-mask.ts';
import { sourceOf } from './action-source.ts';
import { accepted, submitOrReplay, webhookOf } from './submit.ts';

/** A mask in base64 may have twelve million characters; the rest of a body is small. */
const BODY_BYTES_MAX = 13 * 1024 * 1024;

/** `POST /v2/images/midjourney/action`, `POST /v2/music/suno/action`: makes a job out of a finished one. */
export function submitAction(world: HttpWorld, operation: ActionOperation): Operate<KeyedCall> {
  const path = `/v2/${operation}`;
  return async (call): Promise<Answer> => {
    const base = world.catalog.modelWithActions(operation);
    if (base === undefined) throw new GatewayError('model_unavailable');
    const key = idempotencyKeyFrom(requestHeader(call.context, 'idempotency-key'));
    const body = await bodyOf(call, BODY_BYTES_MAX);
    const idempotency = key === null ? null : { key, fingerprint: requestFingerprint({ method: 'POST', path, body }) };
    // A first job is answered again even if its parent has expired since.
    const earlier = idempotency === null ? null : await world.jobs.findReplay(call.caller, idempotency);
    if (earlier !== null) return accepted(world, call, earlier);
    const { kind, action, parentJobId, block } = readAction(base, body);
    const parent = await parentOf(world, call, { base, parentJobId });
    const source = sourceOf(action.parent, parent, block);
    const prompt = body['prompt'] ?? (await promptOf(world, call, parent));
    const checked = checkAction(base, action, { body, block, prompt, source });
    const { input, shown } = await keepMask(world, call.caller, { input: checked, body });
    const { model } = action;
    const request = {
      caller: call.caller,
      operation,
      model,
      action: kind,
      input,
      body: shown,
      webhook: webhookOf(input),
      idempotency,
    };
    return accepted(world, call, await submitOrReplay(world, request));
  };
}

/** Names of the body that are no parameters of an action. */
const COMMON = ['action', 'parentJobId', 'prompt', 'webhookUrl', 'webhook_url', 'webhookEvents', 'routing'];

interface ReadAction {
  kind: string;
  action: ModelAction;
  parentJobId: string;
  /** The parameters as they were sent, beside the common names. */
  block: Record<string, JsonValue>;
}

function readAction(base: Model, body: Record<string, unknown>): ReadAction {
  const kinds = base.actions?.kinds ?? {};
  const { action: kind, parentJobId } = body;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    throw refuseInput({
      action: [`Invalid input: expected one of ${Object.keys(kinds).join(', ')}${hint(kind, kinds)}`],
    });
  }
  const action = kinds[kind];
  if (action === undefined) throw new Error(`no action ${kind}`);
  if (typeof parentJobId !== 'string' || !isUuid(parentJobId))
    throw refuseInput({ parentJobId: ['Invalid input: expected the id of a finished job'] });
  const strange = [PARENT_FILE, ...(action.prompt === null ? ['prompt'] : [])].filter((name) =>
    Object.hasOwn(body, name),
  );
  if (strange.length > 0)
    throw refuseInput(Object.fromEntries(strange.map((name) => [name, [`Unrecognized key: "${name}"`]])));
  // Safe: the body came from JSON.
  const block = Object.fromEntries(
    Object.entries(body).filter(([name]) => !COMMON.includes(name)),
  ) as ReadAction['block'];
  return { kind, action, parentJobId: parentJobId.toLowerCase(), block };
}

function hint(kind: unknown, kinds: object): string {
  const near = typeof kind === 'string' ? nearestName(kind, Object.keys(kinds)) : null;
  return near === null ? '' : `. Did you mean "${near}"?`;
}

async function parentOf(
  world: HttpWorld,
  call: KeyedCall,
  { base, parentJobId }: { base: Model; parentJobId: string },
): Promise<JobRecord> {
  const parent = await world.jobs.findJob(call.caller, parentJobId);
  if (parent === null) throw new GatewayError('job_not_found');
  if (parent.model !== base.id)
    throw refuseInput({
      parentJobId: [`The job is of the model "${parent.model}"; this acts upon jobs of "${base.id}"`],
    });
  if (parent.status !== 'COMPLETED')
    throw new GatewayError('action_unavailable', { text: `The job is ${parent.status}; it must be COMPLETED` });
  if (parent.expired) throw new GatewayError('action_unavailable', { text: 'The files of the job have expired' });
  return parent;
}

/** Actions upon actions are followed this far back. */
const ANCESTORS_MAX = 20;

/** The words with which it all began; empty where the first job is gone. */
async function promptOf(world: HttpWorld, call: KeyedCall, parent: JobRecord): Promise<string> {
  let job: JobRecord | null = parent;
  for (let count = 0; job !== null && count < ANCESTORS_MAX; count += 1) {
    const { prompt, parentJobId: next }: Record<string, unknown> = job.input;
    if (typeof prompt === 'string') return prompt;
    job = typeof next === 'string' ? await world.jobs.findJob(call.caller, next) : null;
  }
  return '';
}

/** The parameters checked as those of a run are, with the parent's file and, for want of another, its prompt. */
function checkAction(
  { id }: Model,
  action: ModelAction,
  given: { body: Record<string, unknown>; block: ReadAction['block']; prompt: unknown; source: string },
): CheckedInput {
  const { body, block, prompt, source } = given;
  const { webhookUrl, webhook_url: alias, webhookEvents, routing } = body;
  const problem = promptProblem(action, body['prompt']);
  if (problem !== null) throw refuseInput({ prompt: [problem] });
  const { paramsField } = action.model;
  const common = { webhookUrl, webhook_url: alias, webhookEvents, routing };
  const whole = {
    model: id,
    prompt,
    [paramsField]: { ...block, [PARENT_FILE]: source },
    ...Object.fromEntries(Object.entries(common).filter(([, value]) => value !== undefined)),
  };
  const checked = checkInput(action.model, whole);
  if (checked.ok) return checked.input;
  // The parameters of an action stand in no block.
  const details = Object.entries(checked.details).map(([path, texts]): [string, string[]] => [
    path.startsWith(`${paramsField}.`) ? path.slice(paramsField.length + 1) : path,
    texts,
  ]);
  throw refuseInput(Object.fromEntries(details));
}

function promptProblem({ prompt: limits, promptRequired }: ModelAction, prompt: unknown): string | null {
  if (prompt === undefined) return promptRequired ? 'Invalid input: expected string, received undefined' : null;
  if (typeof prompt !== 'string') return 'Invalid input: expected string';
  const length = Array.from(prompt).length;
  if (limits !== null && length < limits.minLength)
    return `Too small: expected string to have >=${limits.minLength} characters`;
  if (limits !== null && length > limits.maxLength)
    return `Too big: expected string to have <=${limits.maxLength} characters`;
  return null;
}
