import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { pathPart, type Call } from './door.ts';

/** The job's id from the path, in lower case and noted for the log; throws 400 for what is no UUID. */
export function jobIdOf(call: Call): string {
  const text = pathPart(call, 'id');
  if (!isUuid(text)) throw new GatewayError('job_id_invalid');
  call.jobId = text.toLowerCase();
  return call.jobId;
}
