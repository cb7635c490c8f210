import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import { json, type Answer } from '../gate/answer.ts';
import { pathPart, type Operate } from '../gate/door.ts';
import { readTextBody } from '../gate/json-body.ts';
import type { HttpWorld } from '../world.ts';

/** A callback is a hint; those of all known providers are below 100 KiB. */
const CALLBACK_BYTES_MAX = 1024 * 1024;

/**
 * `POST /callbacks/{provider}/{attemptId}/{token}`: a provider says that it is worth asking now. The token in the
 * path is the attempt's own, so that nobody else can make us ask.
 */
export function receiveCallback(world: HttpWorld): Operate {
  return async (call): Promise<Answer> => {
    const [provider, attemptId, token] = [
      pathPart(call, 'provider'),
      pathPart(call, 'attemptId'),
      pathPart(call, 'token'),
    ];
    if (!isUuid(attemptId)) throw new GatewayError('route_not_found');
    const body = await readTextBody({ request: call.context.req.raw, deadline: call.deadline }, CALLBACK_BYTES_MAX);
    const headers = Object.fromEntries(call.context.req.raw.headers.entries());
    const outcome = await world.jobs.receiveCallback({
      provider,
      attemptId: attemptId.toLowerCase(),
      token,
      delivery: { headers, body },
    });
    if (outcome === 'unknown') throw new GatewayError('route_not_found');
    return json(200, { status: 'accepted' });
  };
}
