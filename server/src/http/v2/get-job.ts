import { z } from 'zod';

import { GatewayError } from '../../core/errors.ts';
import { isFinal } from '../../jobs/states.ts';
import type { JobRecord } from '../../jobs/job-record.ts';
import { jsonText, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { jobIdOf } from '../gate/job-id.ts';
import { queryOf } from '../gate/query.ts';
import { createSlots, type Slots } from '../gate/slots.ts';
import type { HttpWorld } from '../world.ts';
import { jobView } from './job-view.ts';

/** A wait holds a socket and a little memory; this many serve a large batch of jobs of one key. */
const WAITS_PER_KEY_MAX = 500;

const querySchema = z.object({
  wait: z
    .string()
    .regex(/^([1-9]|[1-5]\d|60)$/, 'Invalid input: expected a whole number of seconds from 1 to 60')
    .transform(Number)
    .optional(),
});

/** `GET /v2/jobs/{id}`: the job as it is now or, with `?wait=`, as soon as it has ended. */
export function getJob(world: HttpWorld): Operate<KeyedCall> {
  const waits = createSlots({ max: WAITS_PER_KEY_MAX, what: 'waiting requests' });
  const textOf = createTexts();
  return async (call): Promise<Answer> => {
    const id = jobIdOf(call);
    // Most polls have no query at all, and then nothing needs to be parsed.
    const { wait } = call.context.req.raw.url.includes('?') ? queryOf(call, querySchema) : {};
    const job =
      wait === undefined
        ? await world.jobs.findJob(call.caller, id)
        : await waitForEnd({ world, waits, call, id, ms: wait * 1000 });
    if (job === null) throw new GatewayError('job_not_found');
    return jsonText(200, textOf(job));
  };
}

/** A job that is polled again and again is written as JSON once, for as long as its record lives. */
function createTexts(): (job: JobRecord) => string {
  const texts = new WeakMap<JobRecord, string>();
  return (job) => {
    let text = texts.get(job);
    if (text === undefined) {
      text = JSON.stringify(jobView(job));
      texts.set(job, text);
    }
    return text;
  };
}

interface Wait {
  world: HttpWorld;
  waits: Slots;
  call: KeyedCall;
  id: string;
  ms: number;
}

async function waitForEnd({ world, waits, call, id, ms }: Wait): ReturnType<HttpWorld['jobs']['findJob']> {
  const release = waits.take(call.caller.keyId);
  try {
    const job = await world.jobs.findJob(call.caller, id);
    if (job === null || isFinal(job.status)) return job;
    // A client that leaves and a process that drains both end the wait.
    const signal = AbortSignal.any([call.context.req.raw.signal, world.closing]);
    return await world.jobs.waitForJob(call.caller, id, { ms, signal });
  } finally {
    release();
  }
}
