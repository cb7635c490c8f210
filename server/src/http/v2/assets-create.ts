import { z } from 'zod';

import { receiveUpload } from '../../files/uploads.ts';
import { GatewayError } from '../../core/errors.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { json, type Answer } from '../gate/answer.ts';
import { checkUrlList } from '../gate/check-urls.ts';
import { bodyOf, type KeyedCall, type Operate } from '../gate/door.ts';
import { parseBody } from '../gate/parse-body.ts';
import { createSlots } from '../gate/slots.ts';
import type { AssetCreatedBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** Each asset under way holds its file in memory. */
const ASSETS_PER_KEY_MAX = 4;

/** The body of `POST /v2/assets/create`; further names are read over, as the contract has it. */
export const createAssetSchema = z
  .object({
    url: z.url().describe('Where the file lies: a public address, or that of an upload.'),
    type: z
      .enum(['image', 'video', 'audio'])
      .describe('What it is; found in its bytes, and refused where that differs.'),
  })
  .describe('A file to keep for several jobs.');

/**
 * `POST /v2/assets/create`: copies a file, so that requests can name it as `asset://<assetId>` for as long as results
 * are kept.
 */
export function createAsset(world: HttpWorld): Operate<KeyedCall> {
  const slots = createSlots({ max: ASSETS_PER_KEY_MAX, what: 'assets' });
  return async (call): Promise<Answer> => {
    const { url, type } = parseBody(await bodyOf(call), createAssetSchema);
    await checkUrlList({ net: world.net, publicUrl: world.publicUrl() }, [{ path: 'url', url }]);
    const { teamId, userId, keyId } = call.caller;
    const release = slots.take(keyId);
    try {
      const file = await world.inputs.read(url, call.context.req.raw.signal);
      if (file === null) throw refuseInput({ url: ['The file could not be fetched'] });
      const keepMs = world.settings.retentionMs;
      const wish = { keepMs, kind: type };
      const asset = await receiveUpload(world, { teamId, userId }, once(file.bytes), wish).catch(asProblemOfUrl);
      return json(201, { assetId: asset.id } satisfies AssetCreatedBody);
    } finally {
      release();
    }
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The caller has sent no file but an address. */
function asProblemOfUrl(error: unknown): never {
  if (error instanceof GatewayError && error.code === 'upload_refused')
    throw refuseInput({ url: error.options.details?.['file'] ?? [error.publicText] });
  throw error;
}
