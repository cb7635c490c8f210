import { GatewayError } from '../../core/errors.ts';
import { findPublicFile, type PublicFile } from '../../files/public-files.ts';
import { empty, type Answer } from '../gate/answer.ts';
import { pathPart, type Operate } from '../gate/door.ts';
import { matchesEtag } from '../gate/etag.ts';
import type { HttpWorld } from '../world.ts';
import { parseRange } from './byte-range.ts';

/** Tokens of ours are letters and digits; whatever else arrives need not be looked up. */
const TOKEN = /^[0-9A-Za-z_-]{16,128}$/;

/** A signed link lives this long: time to follow a redirect, and too short to be worth passing on. */
const LINK_SECONDS_MAX = 300;
/** A client that kept the redirect still finds a living link behind it. */
const REDIRECT_SECONDS = 60;

/**
 * `GET /media/{token}/{fileName}`: a result or an upload, for whoever has its address. The bytes came from outside,
 * so the answer lets no browser take them for anything but a picture, a video or a sound.
 */
export function serveFile(world: HttpWorld): Operate {
  return async (call): Promise<Answer> => {
    const token = pathPart(call, 'token');
    if (!TOKEN.test(token)) throw new GatewayError('file_not_found');
    const now = world.clock.now();
    const file = await findPublicFile(world.database, { token, fileName: pathPart(call, 'fileName'), now });
    if (file === null) throw new GatewayError('file_not_found');
    const { headers } = call.context.req.raw;
    const etag = `"${file.sha256.slice(0, 32)}"`;
    const common = fileHeaders(file, { etag, now });
    if (matchesEtag(headers.get('if-none-match'), etag)) return empty(304, common);
    if (world.blobs.signedUrl !== undefined && call.context.req.method === 'GET') {
      const expiresSeconds = Math.max(1, Math.min(LINK_SECONDS_MAX, Math.floor((file.expiresAt - now) / 1000)));
      const { fileName, contentType } = file;
      const location = await world.blobs.signedUrl(file.blobKey, { expiresSeconds, fileName, contentType });
      return empty(302, {
        location,
        'cache-control': `private, max-age=${Math.min(REDIRECT_SECONDS, expiresSeconds)}`,
      });
    }
    // A range of another version of the file would be useless; without If-Range the client does not care.
    const ifRange = headers.get('if-range');
    const range = ifRange === null || ifRange === etag ? parseRange(headers.get('range'), file.sizeBytes) : null;
    if (range === 'unsatisfiable') return rangeRefused(file);
    const [start, end] = range === null ? [0, file.sizeBytes - 1] : [range.start, range.end];
    const answer: Answer = {
      status: range === null ? 200 : 206,
      headers: {
        ...common,
        'content-type': file.contentType,
        'content-length': String(end - start + 1),
        ...(range === null ? {} : { 'content-range': `bytes ${start}-${end}/${file.sizeBytes}` }),
      },
      body: null,
    };
    if (call.context.req.method === 'HEAD') return answer;
    const blob = await world.blobs.open(file.blobKey, range ?? undefined);
    if (blob === null) throw new GatewayError('file_not_found', { internal: `the blob ${file.blobKey} is missing` });
    return { ...answer, body: blob.stream };
  };
}

function fileHeaders(file: PublicFile, { etag, now }: { etag: string; now: number }): Record<string, string> {
  const secondsLeft = Math.max(0, Math.floor((file.expiresAt - now) / 1000));
  return {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': `private, max-age=${secondsLeft}, immutable`,
    'content-disposition': `inline; filename="${file.fileName}"`,
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'cross-origin',
  };
}

function rangeRefused(file: PublicFile): Answer {
  const body = JSON.stringify({ error: 'Range not satisfiable' });
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-range': `bytes */${file.sizeBytes}` };
  return { status: 416, headers, body };
}
