import type { CheckedInput } from '../../catalog/check-input.ts';
import { GatewayError } from '../../core/errors.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { receiveUpload } from '../../files/uploads.ts';
import type { Caller } from '../../teams/authenticate.ts';
import type { HttpWorld } from '../world.ts';

/** How base64 may be introduced. */
const DATA_URL = /^data:image\/[a-z+]+;base64,/i;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/**
 * A mask comes as base64 inside the request: it is kept as an upload and named by its address from then on, in the
 * job's `input` too. What is no picture is refused with a 400.
 */
export async function keepMask(
  world: HttpWorld,
  { teamId, userId }: Caller,
  { input, body }: { input: CheckedInput; body: Record<string, unknown> },
): Promise<{ input: CheckedInput; shown: Record<string, unknown> }> {
  const { mask } = input.parameters;
  if (typeof mask !== 'string') return { input, shown: body };
  const text = mask.replace(DATA_URL, '');
  if (!BASE64.test(text)) throw refuseInput({ mask: ['Invalid input: expected a picture in base64'] });
  const upload = await receiveUpload(world, { teamId, userId }, once(Buffer.from(text, 'base64')), {
    kind: 'image',
  }).catch((error: unknown): never => {
    if (error instanceof GatewayError && error.code === 'upload_refused')
      throw refuseInput({ mask: error.options.details?.['file'] ?? [error.publicText] });
    throw error;
  });
  const url = mediaUrl(world.publicUrl(), upload);
  return {
    input: { ...input, parameters: { ...input.parameters, mask: url }, given: { ...input.given, mask: url } },
    shown: { ...body, mask: url },
  };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
