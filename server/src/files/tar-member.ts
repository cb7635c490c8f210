/** The unit in which a tar is written: one for the head of each entry, as many as needed for what is in it. */
const BLOCK_BYTES = 512;
/** The trainer that we know of packs a caption for each picture and a handful of files beside them. */
const ENTRIES_MAX = 10_000;

/** What came is no tar, is cut off, or does not hold what it should; the text says which, for people. */
export class UnusableArchive extends Error {
  override readonly name = 'UnusableArchive';
}

/** One file out of a tar that comes piece by piece. */
export interface TarMember {
  /** Takes the next bytes of the archive. Throws UnusableArchive at the first thing that is wrong, and what `keep` throws. */
  write(bytes: Uint8Array): Promise<void>;
  /** To be called after the last bytes. Throws UnusableArchive where the archive has not ended, or had no such file. */
  end(): void;
}

/**
 * Reads a tar from outside for the one file whose name, without folders, is `name`, and gives its bytes to `keep`. No name
 * in the archive leads anywhere, links are not followed, and nothing is held but the 512 bytes of one head: libraries keep
 * whole extended heads in memory, which may be as long as their sender likes. Extended heads are passed over: what they
 * are for, long names and files of 8 GiB, is not wanted here.
 */
export function readTarMember(wanted: {
  name: string;
  /** The largest file that is taken. */
  bytesMax: number;
  keep: (bytes: Uint8Array) => Promise<void>;
}): TarMember {
  const head = Buffer.alloc(BLOCK_BYTES);
  let headBytes = 0;
  let entries = 0;
  let dataLeft = 0;
  let paddingLeft = 0;
  let isKeeping = false;
  let isFound = false;
  let hasEnded = false;

  const begin = (): void => {
    headBytes = 0;
    if (head.every((byte) => byte === 0)) {
      hasEnded = true;
      return;
    }
    entries += 1;
    if (entries > ENTRIES_MAX) throw new UnusableArchive(`the archive has more than ${ENTRIES_MAX} entries`);
    const entry = readHead(head);
    dataLeft = entry.sizeBytes;
    paddingLeft = (BLOCK_BYTES - (entry.sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
    isKeeping = entry.isFile && entry.name === wanted.name;
    if (!isKeeping) return;
    if (isFound) throw new UnusableArchive(`the archive holds "${wanted.name}" twice`);
    if (entry.sizeBytes > wanted.bytesMax) throw new UnusableArchive(`"${wanted.name}" is too large`);
    isFound = true;
  };

  /** Takes some of the bytes, and tells how many. */
  const take = async (bytes: Uint8Array): Promise<number> => {
    // What follows the end mark fills the last record and means nothing.
    if (hasEnded) return bytes.length;
    if (dataLeft > 0) {
      const data = bytes.subarray(0, dataLeft);
      if (isKeeping) await wanted.keep(data);
      dataLeft -= data.length;
      return data.length;
    }
    if (paddingLeft > 0) {
      const skipped = Math.min(paddingLeft, bytes.length);
      paddingLeft -= skipped;
      return skipped;
    }
    const part = bytes.subarray(0, BLOCK_BYTES - headBytes);
    head.set(part, headBytes);
    headBytes += part.length;
    if (headBytes === BLOCK_BYTES) begin();
    return part.length;
  };

  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await take(bytes.subarray(at));
    },
    end: () => {
      if (!hasEnded) throw new UnusableArchive(entries === 0 ? kindOf(head) : 'the archive is cut off');
      if (!isFound) throw new UnusableArchive(`the archive holds no file "${wanted.name}"`);
    },
  };
}

/** The fields of a head that matter here, as POSIX lays them out (ustar). */
const CHECKSUM = { from: 148, to: 156 };
const SIZE = { from: 124, to: 136 };
const TYPE_AT = 156;
/** A plain file: `0`, as old programs write it NUL, and `7` for one that lies in one piece. */
const FILES: ReadonlySet<string> = new Set(['0', '\0', '7']);
/** Links, devices, folders and pipes: a name and nothing in it. */
const WITHOUT_CONTENT: ReadonlySet<string> = new Set(['1', '2', '3', '4', '5', '6']);

function readHead(head: Buffer): { name: string; isFile: boolean; sizeBytes: number } {
  const sum = head.reduce(
    (all, byte, at) => all + (at >= CHECKSUM.from && at < CHECKSUM.to ? ' '.charCodeAt(0) : byte),
    0,
  );
  if (octal(head, CHECKSUM) !== sum) throw new UnusableArchive(kindOf(head));
  const sizeBytes = octal(head, SIZE);
  // A size of 8 GiB or more is written in another way.
  if (sizeBytes === null) throw new UnusableArchive('the archive has an entry of no readable size');
  const type = head.toString('latin1', TYPE_AT, TYPE_AT + 1);
  if (WITHOUT_CONTENT.has(type) && sizeBytes > 0) throw new UnusableArchive('the archive has a link with a content');
  const [path = ''] = head.toString('utf8', 0, 100).split('\0');
  return { name: path.slice(path.lastIndexOf('/') + 1), isFile: FILES.has(type), sizeBytes };
}

/** A number in octal digits with blanks or NULs around it; null for anything else. */
function octal(head: Buffer, { from, to }: { from: number; to: number }): number | null {
  const digits = /^[ \0]*([0-7]{1,11})[ \0]*$/.exec(head.toString('latin1', from, to))?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}

/** What stands where a head of a tar should, as far as its first bytes tell. */
function kindOf(head: Buffer): string {
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const isZip = head.toString('latin1', 0, 2) === 'PK';
  return isGzip || isZip ? 'the archive is compressed, and not a plain tar' : 'the archive is no tar, or damaged';
}
