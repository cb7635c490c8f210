import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { jobIdOf } from '../gate/job-id.ts';
import type { HttpWorld } from '../world.ts';
import { jobView } from './job-view.ts';

/** `POST /v2/jobs/{id}/cancel`: asks for the end of an open job; answers the job as it then is. */
export function cancelJob(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const job = await world.jobs.cancelJob(call.caller, jobIdOf(call));
    return json(200, jobView(job));
  };
}
