import { z } from 'zod';

import { describeModel } from '../../catalog/openapi-parts.ts';
import type { Answer } from '../gate/answer.ts';
import type { Operate } from '../gate/door.ts';
import { taggedAnswer, tagText, type TaggedText } from '../gate/etag.ts';
import { queryOf } from '../gate/query.ts';
import type { HttpWorld } from '../world.ts';

const querySchema = z.object({ modality: z.enum(['image', 'video', 'music']).optional() });

/** `GET /v2/models`: the catalogue, for everybody; `?modality=` names one kind. */
export function listModels(world: HttpWorld): Operate {
  // Each of the four lists is made once for each state of the catalogue and of the measured times.
  const lists = new Map<string, TaggedText>();
  let madeFrom = world.catalog.models;
  let madeWith = world.measured.version();
  return (call): Answer => {
    const { modality } = queryOf(call, querySchema);
    const name = modality ?? 'all';
    if (madeFrom !== world.catalog.models || madeWith !== world.measured.version()) {
      madeFrom = world.catalog.models;
      madeWith = world.measured.version();
      lists.clear();
    }
    let list = lists.get(name);
    if (list === undefined) {
      const models = [...world.catalog.models.values()].filter(
        (model) => modality === undefined || model.modality === modality,
      );
      list = tagText(
        JSON.stringify({ models: models.map((model) => describeModel(model, world.measured.of(model.id))) }),
      );
      lists.set(name, list);
    }
    return taggedAnswer(list, call.context.req.raw.headers.get('if-none-match'));
  };
}
