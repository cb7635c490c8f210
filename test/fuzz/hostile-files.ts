import { deflateSync, gzipSync } from 'node:zlib';

import sharp, { type Sharp } from 'sharp';

import { blackPng, box, pngChunk } from '../../server/src/files/media/media-for-tests.ts';

/** A file that somebody uploads, and what must come of it. */
export interface HostileFile {
  what: string;
  bytes: Buffer;
  /** What the sender claims; it must not matter. */
  name: string;
  type: string;
  /** The type that a kept file is served as, or null where it is refused. */
  keptAs: string | null;
}

const PNG_HEAD = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><image href="file:///etc/passwd"/></svg>';
const HTML = '<!doctype html><html><body><script>alert(document.domain)</script></body></html>';
const PHP = '<?php system($_GET["c"]); ?>';
const ZIP = Buffer.from('504b03040a000000000000002100000000000000000000000000010000006150', 'hex');
const EMPTY_ZIP = Buffer.from('504b0506000000000000000000000000000000000000', 'hex');

type Format = 'png' | 'jpeg' | 'webp' | 'gif';
const TYPES: Readonly<Record<Format, string>> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
};

/** At least sixty files that lie, explode, are cut or are two things at once; made anew, none taken from anywhere. */
export async function hostileFiles(): Promise<HostileFile[]> {
  const good = await goodPictures();
  return [
    ...notMedia(),
    ...cutAndChanged(good),
    ...polyglots(good),
    ...bombs(),
    ...oddButRight(good),
    ...lyingNames(good),
    ...brokenStreams(),
  ];
}

/** A picture that takes long to decode and is within the limits: the most that one upload can cost. */
export function heaviestPicture(): Buffer {
  return blackPng(7_000, 7_000);
}

async function goodPictures(): Promise<Record<Format, Buffer>> {
  const pixels = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, index) => (index * 73) % 256));
  const picture = (): Sharp => sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  return {
    png: await picture().png().toBuffer(),
    jpeg: await picture().jpeg().toBuffer(),
    webp: await picture().webp().toBuffer(),
    gif: await picture().gif().toBuffer(),
  };
}

function refused(what: string, bytes: Buffer | string, name = 'picture.png', type = 'image/png'): HostileFile {
  return { what, bytes: Buffer.from(bytes), name, type, keptAs: null };
}

function kept(what: string, bytes: Buffer, keptAs: string, name = 'picture.bin'): HostileFile {
  return { what, bytes, name, type: 'application/octet-stream', keptAs };
}

function notMedia(): HostileFile[] {
  return [
    refused('empty', ''),
    refused('one byte', 'x'),
    refused('an SVG with a script', SVG, 'a.svg', 'image/svg+xml'),
    refused('an SVG as PNG', SVG),
    refused(
      'an SVG behind a declaration',
      `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${SVG}`,
    ),
    refused('a gzipped SVG', gzipSync(SVG), 'a.svgz'),
    refused(
      'entities that explode',
      `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "${'l'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]><svg>${'&b;'.repeat(100)}</svg>`,
    ),
    refused('HTML as JPEG', HTML, 'a.jpg', 'image/jpeg'),
    refused('HTML behind a byte order mark', `\ufeff${HTML}`),
    refused('PHP', PHP, 'a.php.png'),
    refused('JavaScript', 'alert(1)//', 'a.js.png'),
    refused('a PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF', 'a.pdf.png'),
    refused('PostScript', '%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n(%pipe%id) (r) file\n', 'a.eps'),
    refused('a ZIP', ZIP, 'a.zip'),
    refused('an empty ZIP', EMPTY_ZIP, 'a.docx'),
    refused('gzip that explodes', gzipSync(Buffer.alloc(20 * 1024 * 1024)), 'a.png.gz'),
    refused('a Windows program', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]), 'a.exe'),
    refused('a Linux program', Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(200)])),
    refused('a shell script', '#!/bin/sh\nrm -rf /\n'),
    refused('WebAssembly', Buffer.from('0061736d01000000', 'hex')),
    refused('a BMP', Buffer.concat([Buffer.from('BM'), Buffer.alloc(100)]), 'a.bmp'),
    refused('a TIFF', Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(100)]), 'a.tiff'),
    refused('an ICO', Buffer.concat([Buffer.from('00000100010001010000', 'hex'), Buffer.alloc(60)]), 'a.ico'),
    refused('a Photoshop file', Buffer.concat([Buffer.from('8BPS\0\x01'), Buffer.alloc(100)]), 'a.psd'),
    refused(
      'ImageMagick commands',
      'push graphic-context\nfill \'url(https://127.0.0.1/x"|id")\'\npop graphic-context',
      'a.mvg',
    ),
    refused(
      'a playlist that includes files',
      '#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST',
      'a.mp4',
      'video/mp4',
    ),
    refused('SQL', "'; DROP TABLE jobs; --"),
    refused('random bytes', Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 7919 + 13) % 251))),
    refused('NULs', Buffer.alloc(100_000)),
    refused('an AVIF', box('ftyp', Buffer.from('avif\0\0\0\0avifmif1'))),
    refused('a HEIC', box('ftyp', Buffer.from('heic\0\0\0\0heicmif1'))),
  ];
}

function cutAndChanged(good: Record<Format, Buffer>): HostileFile[] {
  const formats = Object.entries(good);
  const nth = (bytes: Buffer, at: number, value: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed[at] = value;
    return changed;
  };
  return [
    ...formats.map(([format, bytes]) =>
      refused(`a ${format} cut in the middle`, bytes.subarray(0, Math.floor(bytes.length / 2))),
    ),
    ...formats.map(([format, bytes]) => refused(`a ${format} without its last bytes`, bytes.subarray(0, -8))),
    ...formats.map(([format, bytes]) => refused(`the first 12 bytes of a ${format}`, bytes.subarray(0, 12))),
    refused('a PNG of its head alone', PNG_HEAD),
    refused('a PNG with a wrong checksum', nth(good.png, 30, (good.png[30] ?? 0) ^ 1)),
    refused(
      'a PNG whose data are no zlib',
      Buffer.concat([
        good.png.subarray(0, 33),
        pngChunk('IDAT', Buffer.from('hello')),
        pngChunk('IEND', Buffer.alloc(0)),
      ]),
    ),
    refused('a PNG without pixels', Buffer.concat([good.png.subarray(0, 33), pngChunk('IEND', Buffer.alloc(0))])),
    refused(
      'a PNG with too few rows',
      Buffer.concat([
        good.png.subarray(0, 33),
        pngChunk('IDAT', deflateSync(Buffer.alloc(10))),
        pngChunk('IEND', Buffer.alloc(0)),
      ]),
    ),
    refused(
      'a PNG with a chunk of 2 GiB',
      Buffer.concat([good.png.subarray(0, 33), Buffer.from('7fffffff49444154', 'hex'), Buffer.alloc(100)]),
    ),
    refused('a PNG of no width', pngClaiming(0, 10)),
    refused('a JPEG of markers alone', Buffer.from('ffd8ffd9', 'hex')),
    refused('a WebP that says it is longer', nth(good.webp, 6, 0x7f)),
  ];
}

function polyglots(good: Record<Format, Buffer>): HostileFile[] {
  const asGif = Buffer.concat([Buffer.from('GIF89a/*'), Buffer.alloc(20), Buffer.from('*/=1;alert(1)')]);
  return [
    refused('a GIF that is a script', asGif, 'a.gif'),
    refused('a GIF header before HTML', `GIF89a${HTML}`, 'a.gif'),
    refused('a JPEG marker before PHP', Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.from(PHP)])),
    refused('a PDF with a JPEG behind it', Buffer.concat([Buffer.from('%PDF-1.7\n'), good.jpeg])),
    refused('a PNG head before a ZIP', Buffer.concat([PNG_HEAD, ZIP])),
  ];
}

/** Small files that claim to be huge, and files that are huge when opened. */
function bombs(): HostileFile[] {
  return [
    refused('a PNG of 16,000 × 16,000 in 31 KB', blackPng(16_000, 16_000)),
    refused('a PNG of 50,000 × 2,000', blackPng(50_000, 2_000)),
    refused('a PNG that claims 2³¹ − 1 squared', pngClaiming(0x7fffffff, 0x7fffffff)),
    refused('a PNG that claims 4 billion squared', pngClaiming(0xffffffff, 0xffffffff)),
    refused('a GIF that claims 65,535 × 65,535', gif(65_535, 65_535, 1)),
    refused('a GIF frame larger than its canvas', gif(10, 10, 1, 60_000)),
    refused(
      'a PNG whose text explodes and whose pixels lack',
      Buffer.concat([
        good33(),
        pngChunk('zTXt', Buffer.concat([Buffer.from('a\0\0'), deflateSync(Buffer.alloc(10 * 1024 * 1024))])),
        pngChunk('IEND', Buffer.alloc(0)),
      ]),
    ),
    refused('a picture of 26 MiB', Buffer.concat([PNG_HEAD, Buffer.alloc(26 * 1024 * 1024)])),
    refused('a file of 51 MiB', Buffer.alloc(51 * 1024 * 1024, 1)),
  ];
}

function good33(): Buffer {
  return pngClaiming(10, 10).subarray(0, 33);
}

function pngClaiming(width: number, height: number): Buffer {
  const header = Buffer.from('00000000000000000802000000', 'hex');
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const rows = deflateSync(Buffer.alloc(1_000));
  return Buffer.concat([PNG_HEAD, pngChunk('IHDR', header), pngChunk('IDAT', rows), pngChunk('IEND', Buffer.alloc(0))]);
}

/** A GIF of `frames` pictures of one pixel (or of `side` squared) on a canvas of that size. */
function gif(width: number, height: number, frames: number, side = 1): Buffer {
  const head = Buffer.from('47494638396100000000800000000000ffffff', 'hex');
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  const frame = Buffer.from('2c0000000001000100000202440100', 'hex');
  frame.writeUInt16LE(side, 5);
  frame.writeUInt16LE(side, 7);
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from([0x3b])]);
}

/** Strange and yet what they claim: they are kept, as the type that their bytes have. */
function oddButRight(good: Record<Format, Buffer>): HostileFile[] {
  return [
    kept('a picture one pixel wide', blackPng(1, 10_000), TYPES.png),
    kept('a picture one pixel high', blackPng(10_000, 1), TYPES.png),
    kept('a single pixel', blackPng(1, 1), TYPES.png),
    kept('a GIF of 10,000 frames', gif(1, 1, 10_000), TYPES.gif),
    kept('a PNG with text chunks that hold HTML', pngWithText(HTML), TYPES.png),
    kept('49 megapixels', heaviestPicture(), TYPES.png),
    kept('a JPEG with a comment that holds PHP', jpegWithComment(good.jpeg, PHP), TYPES.jpeg),
  ];
}

function pngWithText(text: string): Buffer {
  return blackPng(8, 8, [pngChunk('tEXt', Buffer.from(`Comment\0${text}`))]);
}

function jpegWithComment(jpeg: Buffer, text: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(text.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from('fffe', 'hex'), length, Buffer.from(text), jpeg.subarray(2)]);
}

/** Right bytes under wrong names and types: the bytes decide. */
function lyingNames(good: Record<Format, Buffer>): HostileFile[] {
  // Safe: the entries of a record of formats.
  return (Object.entries(good) as [Format, Buffer][]).flatMap(([format, bytes]) => [
    { ...kept(`a ${format} named .html`, bytes, TYPES[format], 'a.html'), type: 'text/html' },
    { ...kept(`a ${format} named by a path`, bytes, TYPES[format], '../../../../tmp/x.svg'), type: 'image/svg+xml' },
  ]);
}

function brokenStreams(): HostileFile[] {
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  return [
    refused('an MP4 of its head alone', box('ftyp', Buffer.from('isom\0\0\x02\0isommp42'))),
    refused(
      'an MP4 with a box that is larger than the file',
      Buffer.concat([box('ftyp', Buffer.from('isom\0\0\x02\0isommp42')), u32(0x7fffffff), Buffer.from('moov')]),
    ),
    refused(
      'an MP4 with boxes 10⁴ deep',
      Buffer.concat([
        box('ftyp', Buffer.from('isom\0\0\x02\0isommp42')),
        ...Array.from({ length: 10_000 }, (_, index) => Buffer.concat([u32(80_000 - index * 8), Buffer.from('moov')])),
      ]),
    ),
    refused(
      'an MP4 with a box of no size',
      Buffer.concat([box('ftyp', Buffer.from('isom\0\0\x02\0isommp42')), u32(1), Buffer.from('mdat')]),
    ),
    refused('a WebM of its head alone', Buffer.from('1a45dfa39f4286810142f7810142f2810442f381084282847765626d', 'hex')),
    refused('a WAV without sound', Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0', 'latin1')),
    refused('an OGG of its head alone', Buffer.from('OggS\0\x02', 'latin1')),
    refused('an ID3 tag and nothing else', Buffer.from('ID3\x03\0\0\x7f\x7f\x7f\x7f', 'latin1')),
  ];
}
