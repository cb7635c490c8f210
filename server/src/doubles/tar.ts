/** An entry of a tar: a file, or with another `type` something else. */
export interface TarEntry {
  name: string;
  data: Uint8Array;
  /** As the format writes it: `0` for a file where absent, `5` for a folder, `2` for a link. */
  type?: string;
}

const BLOCK_BYTES = 512;
const TYPE_AT = 156;
const CHECKSUM_AT = 148;

/** A tar of these entries as old and new programs read it (ustar), with its end mark. */
export function encodeTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ name, data, type = '0' }) => {
    const padding = Buffer.alloc((BLOCK_BYTES - (data.length % BLOCK_BYTES)) % BLOCK_BYTES);
    return [headOf({ name, type, sizeBytes: data.length }), data, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function headOf({ name, type, sizeBytes }: { name: string; type: string; sizeBytes: number }): Buffer {
  const head = Buffer.alloc(BLOCK_BYTES);
  head.write(name, 0, 100);
  head.write('0000644\0', 100);
  head.write(octal(sizeBytes, 11), 124);
  head.write(octal(0, 11), 136);
  head.write(type, TYPE_AT);
  head.write('ustar\u000000', 257);
  head.fill(' ', CHECKSUM_AT, CHECKSUM_AT + 8);
  const sum = head.reduce((all, byte) => all + byte, 0);
  head.write(`${octal(sum, 6)}\0`, CHECKSUM_AT);
  return head;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
