import { readFile } from 'node:fs/promises';
import net from 'node:net';

/** What a raw connection has brought. */
export interface RawAnswer {
  /** The status of the first answer; null when the connection was closed without one. */
  status: number | null;
  text: string;
  /** The body of the first answer. */
  body: string;
  /** How many answers began on the connection. */
  answers: number;
}

/** A connection that brings nothing for so long is ended here and counts as silent. */
const SILENT_MS_MAX = 20_000;

/** Writes bytes as they are and reads until the server closes; with `thenEnd` our side ends after the last byte. */
export function sendRaw(origin: string, bytes: Buffer, { thenEnd = false } = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const chunks: Buffer[] = [];
    socket.setTimeout(SILENT_MS_MAX, () => socket.destroy(new Error(`silent for ${SILENT_MS_MAX} ms`)));
    socket.on('connect', () => (thenEnd ? socket.end(bytes) : socket.write(bytes)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses early closes while we still write; what it said before counts.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(readRaw(chunks));
      else reject(error);
    });
    socket.on('end', () => {
      socket.end();
      resolve(readRaw(chunks));
    });
  });
}

function readRaw(chunks: readonly Buffer[]): RawAnswer {
  const text = Buffer.concat(chunks).toString('latin1');
  const final = text.replace(/^(HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, '');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(final)?.[1];
  const at = final.indexOf('\r\n\r\n');
  return {
    status: status === undefined ? null : Number(status),
    text: final,
    body: at === -1 ? '' : final.slice(at + 4),
    answers: final.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0,
  };
}

/** The resident memory of a process in MiB, or null where the system does not tell. */
export async function residentMebibytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  const kibibytes = status === null ? undefined : /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) / 1024;
}
