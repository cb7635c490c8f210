import { isoInstant } from '../../core/clock.ts';
import { mediaUrl } from '../../files/outputs.ts';
import { receiveUpload, refuseTooLarge } from '../../files/uploads.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { BODY_BYTES_MAX, readFileField } from '../gate/file-field.ts';
import { createSlots } from '../gate/slots.ts';
import type { UploadBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';

/** Each upload under way holds a temporary file of up to 50 MB. */
const UPLOADS_PER_KEY_MAX = 8;
/** 50 MB at 1.4 Mbit/s. */
const UPLOAD_MS_MAX = 300_000;

/** `POST /v2/uploads`: keeps an input file for a while and answers the URL under which requests can name it. */
export function createUpload(world: HttpWorld): Operate<KeyedCall> {
  const uploads = createSlots({ max: UPLOADS_PER_KEY_MAX, what: 'uploads' });
  return async (call): Promise<Answer> => {
    const { caller, context } = call;
    const declared = context.req.raw.headers.get('content-length');
    if (declared !== null && Number(declared) > BODY_BYTES_MAX) throw refuseTooLarge('video');
    const release = uploads.take(caller.keyId);
    const done = new AbortController();
    const late = new AbortController();
    const alarm = world.clock.sleep(UPLOAD_MS_MAX, done.signal).then(() => late.abort());
    try {
      const bytes = readFileField(context.req.raw, late.signal);
      const upload = await receiveUpload(world, { teamId: caller.teamId, userId: caller.userId }, bytes);
      return json(201, {
        id: upload.id,
        url: mediaUrl(world.publicUrl(), upload),
        kind: upload.kind,
        contentType: upload.contentType,
        byteSize: upload.sizeBytes,
        expiresAt: isoInstant(upload.expiresAt),
      } satisfies UploadBody);
    } finally {
      release();
      done.abort();
      await alarm;
    }
  };
}
