import { describeModel } from '../../catalog/openapi-parts.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Answer } from '../gate/answer.ts';
import { unknownModelText } from '../gate/check-body.ts';
import { pathPart, type Operate } from '../gate/door.ts';
import { taggedAnswer, tagText } from '../gate/etag.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/models/{id}`: one model of the catalogue, for everybody. */
export function getModel(world: HttpWorld): Operate {
  return (call): Answer => {
    const id = pathPart(call, 'id');
    const model = world.catalog.findModel(id);
    if (model === undefined)
      throw new GatewayError('route_not_found', { text: unknownModelText(world.catalog, null, id) });
    const text = tagText(JSON.stringify(describeModel(model, world.measured.of(model.id))));
    return taggedAnswer(text, call.context.req.raw.headers.get('if-none-match'));
  };
}
