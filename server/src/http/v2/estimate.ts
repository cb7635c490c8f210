import { json, type Answer } from '../gate/answer.ts';
import { checkBody } from '../gate/check-body.ts';
import { resolveInput } from '../gate/resolve-input.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import type { EstimateBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `POST /v2/estimate`: takes the body of any submit and tells price, time and what would be changed; holds nothing. */
export function estimate(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const body = await bodyOf(call);
    const { model, input: asked } = checkBody(world.catalog, null, body);
    const input = await resolveInput(world, call.caller, { model, input: asked });
    const { credits, creditsAvailable, secondsExpected, ignored, adjustments, provider, sandbox } =
      await world.jobs.estimateJob({ caller: call.caller, model, input });
    return json(200, {
      model: model.id,
      credits,
      creditsAvailable,
      secondsExpected,
      ignored,
      adjustments,
      provider,
      sandbox,
    } satisfies EstimateBody);
  };
}
