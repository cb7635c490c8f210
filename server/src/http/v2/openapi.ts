import type { Answer } from '../gate/answer.ts';
import type { Operate } from '../gate/door.ts';
import { taggedAnswer, tagText, type TaggedText } from '../gate/etag.ts';
import { openApiDocument } from '../openapi.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/openapi.json`: this API described by itself, for everybody. */
export function openApi(world: HttpWorld): Operate {
  // Made at the first question, as most processes are never asked, and anew when the catalogue has changed.
  let document: TaggedText | null = null;
  let madeFrom = world.catalog.models;
  return (call): Answer => {
    const { catalog, version } = world;
    if (madeFrom !== catalog.models) document = null;
    madeFrom = catalog.models;
    document ??= tagText(JSON.stringify(openApiDocument({ catalog, version, publicUrl: world.publicUrl() })));
    return taggedAnswer(document, call.context.req.raw.headers.get('if-none-match'));
  };
}
