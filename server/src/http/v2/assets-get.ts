import { isoInstant } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { findUpload } from '../../files/uploads.ts';
import { json, type Answer } from '../gate/answer.ts';
import { pathPart, type KeyedCall, type Operate } from '../gate/door.ts';
import type { AssetBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /v2/assets/{id}`: what is known of an asset of the team. */
export function getAsset(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const wanted = { id: pathPart(call, 'id').toLowerCase(), teamId: call.caller.teamId, now: world.clock.now() };
    const asset = await findUpload(world.database, wanted);
    if (asset === null) throw new GatewayError('asset_not_found');
    return json(200, {
      assetId: asset.id,
      type: asset.kind,
      url: mediaUrl(world.publicUrl(), asset),
      contentType: asset.contentType,
      byteSize: asset.sizeBytes,
      createdAt: isoInstant(asset.createdAt),
      expiresAt: isoInstant(asset.expiresAt),
    } satisfies AssetBody);
  };
}
