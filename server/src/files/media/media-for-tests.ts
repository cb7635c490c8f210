/** What the tests of this folder share: a port in a folder of its own, and small files made by hand. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import { systemClock } from '../../core/clock.ts';
import type { LogFields } from '../../core/log-port.ts';
import type { DrawSpec, MediaPort } from '../../core/media-port.ts';
import { startMedia } from './start-media.ts';
import type { MediaOptions } from './start-media.ts';

/** Where the drawing module of the tests is. */
export const DRAWING = join(import.meta.dirname, 'drawing-for-tests.ts');

/** A media port and its folder, both gone after `close`. */
export interface MediaBench {
  media: MediaPort;
  /** Every line the port logged, as event and fields. */
  lines: { event: string; fields: LogFields }[];
  path(name: string): string;
  /** Writes a file and says where. */
  put(name: string, bytes: Uint8Array | string): Promise<string>;
  /** Draws a picture and gives its bytes, leaving it at `path(name)`. */
  make(name: string, spec?: Partial<DrawSpec>): Promise<Buffer>;
  close(): Promise<void>;
}

/** A drawing of the tests; every part can be replaced. */
export function drawSpec(spec: Partial<DrawSpec> = {}): DrawSpec {
  return {
    prompt: 'pattern',
    seed: 7,
    width: 48,
    height: 32,
    format: 'jpg',
    quality: 90,
    raw: false,
    imagePrompt: null,
    inputImages: [],
    edit: null,
    badge: '',
    ...spec,
  };
}

/** Opens a port for one test, closed at its end. */
export async function benchOf(context: TestContext, options: Partial<MediaOptions> = {}): Promise<MediaBench> {
  const bench = await openBench(options);
  context.after(() => bench.close());
  return bench;
}

/** Opens a port that the caller closes. */
export async function openBench(options: Partial<MediaOptions> = {}): Promise<MediaBench> {
  const folder = await mkdtemp(join(tmpdir(), 'lumegate-media-'));
  const lines: MediaBench['lines'] = [];
  const note = (event: string, fields: LogFields = {}): void => void lines.push({ event, fields });
  const media = startMedia({
    drawModule: DRAWING,
    clock: systemClock(),
    log: { info: note, warn: note, error: note },
    ...options,
  });
  const path = (name: string): string => join(folder, name);
  return {
    media,
    lines,
    path,
    put: async (name, bytes) => {
      await writeFile(path(name), bytes);
      return path(name);
    },
    make: async (name, spec) => {
      const result = await media.draw(drawSpec(spec), path(name));
      if (!result.ok) throw new Error(`${name}: ${result.problem}: ${result.detail}`);
      return readFile(path(name));
    },
    close: async () => {
      await media.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** Hashes of the decoded pixels, alpha included, by the picture library in a process of its own. */
export async function pixelHashes(paths: string[]): Promise<string[]> {
  const script = `
    import sharp from 'sharp';
    import { createHash } from 'node:crypto';
    for (const path of process.argv.slice(1)) {
      const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
      console.log(info.width, info.height, info.channels, createHash('sha256').update(data).digest('hex'));
    }`;
  const { stdout } = await run(script, paths);
  return stdout.trim().split('\n');
}

/** Runs a module's text in a fresh process, beside this file. */
export function run(script: string, args: string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, ...args], {
    cwd: import.meta.dirname,
  });
}

/** One PNG chunk with its checksum. */
export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** A one-bit black PNG; 16,000 × 16,000 of it take some 31 KB. */
export function blackPng(width: number, height: number, extraChunks: Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = Buffer.alloc(height * (1 + Math.ceil(width / 8)));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    ...extraChunks,
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** One box of an MP4 or MOV file. */
export function box(type: string, ...parts: Uint8Array[]): Buffer {
  const data = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(data.length + 8, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, data]);
}
