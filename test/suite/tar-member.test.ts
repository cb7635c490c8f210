import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import { encodeTar, type TarEntry } from '../../server/src/doubles/tar.ts';
import { readTarMember, UnusableArchive } from '../../server/src/files/tar-member.ts';

const NAME = 'lora.safetensors';
const WEIGHTS = Buffer.from(Array.from({ length: 1_300 }, (_, index) => index % 251));
const FOLDER: TarEntry = { name: 'output/train/', data: Buffer.alloc(0), type: '5' };
const CONFIG: TarEntry = { name: 'output/train/config.yaml', data: Buffer.from('steps: 1000\n') };
const LORA: TarEntry = { name: `output/train/${NAME}`, data: WEIGHTS };

/** What is kept of an archive that comes in pieces of so many bytes. */
async function memberOf(archive: Uint8Array, { piece = 700, bytesMax = 10_000 } = {}): Promise<Buffer> {
  const kept: Buffer[] = [];
  const member = readTarMember({ name: NAME, bytesMax, keep: async (bytes) => void kept.push(Buffer.from(bytes)) });
  for (let at = 0; at < archive.length; at += piece) await member.write(archive.subarray(at, at + piece));
  member.end();
  return Buffer.concat(kept);
}

async function refusal(archive: Uint8Array, options: { bytesMax?: number } = {}): Promise<string> {
  try {
    await memberOf(archive, options);
  } catch (error) {
    assert.ok(error instanceof UnusableArchive, String(error));
    return error.message;
  }
  return 'taken';
}

/** A copy with other bytes at a place of its first head, and the checksum that goes with them. */
function withHead(archive: Buffer, at: number, bytes: Uint8Array): Buffer {
  const changed = Buffer.from(archive);
  changed.set(bytes, at);
  changed.fill(' ', 148, 156);
  const sum = changed.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return changed;
}

describe('the one file of a tar from outside', () => {
  it('comes out whole, however the archive is cut into pieces', async () => {
    const archive = encodeTar([FOLDER, CONFIG, LORA, { ...CONFIG, name: 'z' }]);
    for (const piece of [1, 7, 511, 512, 513, 4_096, archive.length])
      assert.deepEqual(await memberOf(archive, { piece }), WEIGHTS, `pieces of ${piece}`);
  });

  it('is found in what tar itself writes, in each of its formats', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lumegate-tar-'));
    try {
      const deep = path.join(folder, 'output', 'train');
      mkdirSync(path.join(deep, 'captions'), { recursive: true });
      writeFileSync(path.join(deep, NAME), WEIGHTS);
      writeFileSync(path.join(deep, 'captions', `${'long'.repeat(40)}.txt`), 'a photo of QWERT');
      for (const format of ['gnu', 'pax', 'posix']) {
        const to = path.join(folder, `${format}.tar`);
        execFileSync('tar', ['-c', `--format=${format}`, '-f', to, '-C', folder, 'output']);
        assert.deepEqual(await memberOf(readFileSync(to)), WEIGHTS, format);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is taken by its name alone: where the archive wants it written is nobody’s business', async () => {
    for (const name of [NAME, `/etc/${NAME}`, `../../${NAME}`, `a/../${NAME}`])
      assert.deepEqual(await memberOf(encodeTar([{ ...LORA, name }])), WEIGHTS, name);
  });

  it('is refused where it is missing, double, a link, or larger than any', async () => {
    const missing = /holds no file "lora\.safetensors"/;
    const link = { name: LORA.name, data: Buffer.alloc(0), type: '2' };
    assert.match(await refusal(encodeTar([])), missing);
    assert.match(await refusal(encodeTar([FOLDER, CONFIG])), missing);
    assert.match(await refusal(encodeTar([link])), missing);
    assert.match(await refusal(encodeTar([{ ...LORA, type: 'S' }])), missing);
    assert.match(await refusal(encodeTar([{ ...LORA, name: `${LORA.name}/` }])), missing);
    assert.match(await refusal(encodeTar([{ ...LORA, name: `x${NAME}` }])), missing);
    assert.match(await refusal(encodeTar([{ ...LORA, type: '2' }])), /link with a content/);
    assert.match(await refusal(encodeTar([LORA, LORA])), /twice/);
    assert.match(await refusal(encodeTar([LORA]), { bytesMax: WEIGHTS.length - 1 }), /too large/);
  });

  it('is refused where the archive is cut off at any place', async () => {
    const archive = encodeTar([FOLDER, CONFIG, LORA]);
    for (let length = 0; length <= archive.length - 2 * 512; length += 97)
      assert.match(await refusal(archive.subarray(0, length)), /cut off|no tar/, `${length} bytes`);
    assert.match(await refusal(archive.subarray(0, archive.length - 2 * 512)), /cut off/, 'without its end mark');
  });

  it('is refused where something else came', async () => {
    const archive = encodeTar([LORA]);
    assert.match(await refusal(gzipSync(archive)), /compressed/);
    assert.match(await refusal(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2_000)])), /compressed/);
    assert.match(await refusal(Buffer.from('<!doctype html><title>Sign in</title>')), /no tar/);
    assert.match(await refusal(Buffer.alloc(0)), /no tar/);
    assert.match(await refusal(WEIGHTS), /no tar/);
    const damaged = Buffer.from(archive);
    damaged[3] = 0x7f;
    assert.match(await refusal(damaged), /no tar, or damaged/);
  });

  it('is refused where a size makes no sense', async () => {
    const archive = encodeTar([LORA]);
    const sizes: [string, RegExp][] = [
      ['77777777777\0', /too large/],
      ['-0000000001\0', /no readable size/],
      ['00000009999\0', /no readable size/],
      ['\x80\0\0\0\0\0\0\x7f\0\0\0\0', /no readable size/],
      ['            ', /no readable size/],
    ];
    for (const [size, expected] of sizes)
      assert.match(await refusal(withHead(archive, 124, Buffer.from(size, 'latin1'))), expected, size);
  });

  it('is refused after ten thousand entries', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => ({ name: `${index}`, data: Buffer.alloc(0) }));
    assert.match(await refusal(encodeTar([...many, LORA])), /more than 10000 entries/);
  });

  it('is kept as it comes: nothing is held but one head', async () => {
    let keptBytes = 0;
    const member = readTarMember({
      name: NAME,
      bytesMax: 10_000,
      keep: async (bytes) => void (keptBytes += bytes.length),
    });
    await member.write(encodeTar([LORA]).subarray(0, 512 + 1_000));
    assert.equal(keptBytes, 1_000);
  });

  it('leaves its taker’s own errors as they are', async () => {
    const full = new Error('no space left');
    const member = readTarMember({ name: NAME, bytesMax: 10_000, keep: async () => Promise.reject(full) });
    await assert.rejects(member.write(encodeTar([LORA])), full);
  });
});
