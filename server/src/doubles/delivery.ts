import { createHmac, timingSafeEqual } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import type { Clock } from '../core/clock.ts';
import type { DoubleAnswer, Generation } from './double.ts';
import type { Fault } from './fault.ts';
import { CONTENT_TYPES, createPainter } from './picture.ts';
import { encodePngBomb } from './png.ts';
import { drip } from './spoil.ts';
import { endsAfterMs, filesMade } from './view.ts';

const HUGE_FILE_BYTES = 2 * 1024 ** 3;
const HUGE_CHUNK_BYTES = 64 * 1024;
/** A name under this domain resolves nowhere, by agreement of all. */
const UNKNOWN_HOST = 'delivery.double.invalid';
const PREFIX = '/delivery/';

/** Result files: their links, and what stands behind them. */
export interface Delivery {
  link(generation: Generation, index: number): string;
  /** Whether its links have expired by now. */
  isExpired(generation: Generation): boolean;
  /** Answers a path that `isMine`; `find` looks the generation up. */
  answer(url: URL, find: (id: string) => Generation | undefined): Promise<DoubleAnswer>;
  isMine(path: string): boolean;
  file(generation: Generation, index: number): Promise<DoubleAnswer>;
  bytes(generation: Generation, index: number): Promise<Uint8Array>;
}

/** What result files need. */
export interface DeliveryWorld {
  clock: Clock;
  /** Signs links; a new one for each double that starts. */
  secret: Uint8Array;
  /** Base of the double. */
  url: string;
  linkMs(): number;
}

/** Files are drawn when somebody asks for them. */
export function createDelivery(world: DeliveryWorld): Delivery {
  const painter = createPainter();
  let bomb: Promise<Buffer> | null = null;
  const plain = async (generation: Generation, index: number): Promise<Buffer | null> => {
    const order = filesMade(generation)[index];
    if (order === undefined) return null;
    return painter.paint(order, shadeOf(generation), generation.pictureBytes);
  };
  const bytes = async (generation: Generation, index: number): Promise<Uint8Array> => {
    const whole = (await plain(generation, index)) ?? Buffer.alloc(0);
    if (generation.fault === 'p13-bomb') return (bomb ??= encodePngBomb());
    return (generation.fault === null ? undefined : SPOILED_BYTES[generation.fault])?.(whole) ?? whole;
  };
  const file = async (generation: Generation, index: number): Promise<DoubleAnswer> => {
    const order = filesMade(generation)[index];
    if (order === undefined) return denied(404, 'BlobNotFound');
    const type = CONTENT_TYPES[generation.fault === 'p13-bomb' ? 'png' : order.format];
    return spoilFile(world, { generation, type, bytes: await bytes(generation, index) });
  };
  const expiresAt = (generation: Generation): number => generation.boughtAt + endsAfterMs(generation) + world.linkMs();
  return {
    bytes,
    file,
    isMine: (path) => path.startsWith(PREFIX),
    isExpired: (generation) => world.clock.now() > expiresAt(generation),
    link: (generation, index) => {
      const isStale = generation.fault === 'p11-expired' && generation.doneLooks === 0;
      const until = isStale ? generation.boughtAt - 1 : expiresAt(generation);
      return linkOf(world, { generation, index, until });
    },
    answer: async (url, find) => {
      const [, id, index] = /^\/delivery\/([^/]+)\/(\d{1,3})\.[a-z0-9]+$/.exec(url.pathname) ?? [];
      const until = url.searchParams.get('se') ?? '';
      const signature = url.searchParams.get('sig') ?? '';
      if (id === undefined || !isSame(signature, sign(world, `${url.pathname}?${until}`))) {
        return denied(403, 'AuthenticationFailed');
      }
      if (world.clock.now() > Number(until)) return denied(403, 'AuthenticationFailed');
      const generation = find(decodeURIComponent(id));
      return generation === undefined ? denied(404, 'BlobNotFound') : file(generation, Number(index));
    },
  };
}

function linkOf(world: DeliveryWorld, link: { generation: Generation; index: number; until: number }): string {
  const { generation, index, until } = link;
  const { fault, order } = generation;
  const extension = fault === 'p13-bomb' ? 'png' : (order.files[0]?.format ?? 'png');
  const path = `${PREFIX}${encodeURIComponent(generation.id)}/${index}.${extension}`;
  const query = `se=${until}&sig=${encodeURIComponent(sign(world, `${path}?${until}`))}`;
  const base = new URL(world.url);
  if (fault === 'p21-dns') return `http://${UNKNOWN_HOST}${path}?${query}`;
  if (fault === 'p21-tls') return `https://${base.host}${path}?${query}`;
  return `${world.url}${path}?${query}`;
}

const SPOILED_BYTES: Readonly<Partial<Record<Fault, (whole: Buffer) => Uint8Array>>> = {
  'p8-truncated': (whole) => whole.subarray(0, Math.floor(whole.length / 2)),
  'p9-wrong-type': () => Buffer.from('<!doctype html><title>Not a picture</title>'),
  'p9-gzip': (whole) => gzipSync(whole),
  'p10-empty': () => Buffer.alloc(0),
};

/** A file on its way, as the generation's fault lets it through. */
function spoilFile(
  world: DeliveryWorld,
  { generation, type, bytes }: { generation: Generation; type: string; bytes: Uint8Array },
): DoubleAnswer {
  const headers = { 'content-type': type, 'content-length': String(bytes.length) };
  const whole = { kind: 'whole', status: 200, headers, body: bytes } as const;
  return (generation.fault === null ? undefined : SPOILED_FILES[generation.fault])?.(whole, world) ?? whole;
}

type WholeFile = Extract<DoubleAnswer, { kind: 'whole' }> & { body: Uint8Array };

const SPOILED_FILES: Readonly<Partial<Record<Fault, (file: WholeFile, world: DeliveryWorld) => DoubleAnswer>>> = {
  'p8-cut': ({ status, headers, body }) => ({ kind: 'stream', status, headers, chunks: halfOf(body) }),
  'p10-2gb': ({ status, headers, body }) => ({
    kind: 'stream',
    status,
    headers: { ...headers, 'content-length': String(HUGE_FILE_BYTES) },
    chunks: hugeFile(body),
  }),
  'p11-404': () => denied(404, 'BlobNotFound'),
  'p11-403': () => denied(403, 'AuthenticationFailed'),
  'p11-redirect-loopback': (_, world) => {
    // The same port under another name of this machine: an origin that nobody has trusted.
    const location = `http://localhost:${new URL(world.url).port}/__double/caught`;
    return { kind: 'whole', status: 302, headers: { location }, body: '' };
  },
  'p20-drip': (file, world) => drip(file, world.clock),
};

async function* halfOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, Math.floor(bytes.length / 2));
}

/** Begins as a picture, so that only its size tells. */
async function* hugeFile(head: Uint8Array): AsyncGenerator<Uint8Array> {
  yield head;
  const zeros = Buffer.alloc(HUGE_CHUNK_BYTES);
  for (let left = HUGE_FILE_BYTES - head.length; left > 0; left -= zeros.length) {
    yield left < zeros.length ? zeros.subarray(0, left) : zeros;
  }
}

/** A refusal as a store of files gives it: XML. */
function denied(status: number, code: string): DoubleAnswer {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`;
  return { kind: 'whole', status, headers: { 'content-type': 'application/xml' }, body };
}

function sign(world: DeliveryWorld, text: string): string {
  return createHmac('sha256', world.secret).update(text).digest('base64url');
}

function isSame(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A colour by what was asked for, so that the same prompt looks the same again. */
function shadeOf(generation: Generation): number {
  let sum = generation.order.seed ?? 0;
  for (const character of generation.order.prompt) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return Math.abs(Math.trunc(sum));
}
