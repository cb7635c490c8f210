/** What the tests play operators' programs with: a few lines of JavaScript, and a door at which they say that they live. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';

/** A grey PNG of 4 × 4 pixels, its left half black and its right half white: what stays is on the right. */
const HALF =
  'iVBORw0KGgoAAAANSUhEUgAAAAQAAAAECAAAAACMmsGiAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEElEQVQImWNgYPj/nwGVAABHzAf5cM+HGgAAAABJRU5ErkJggg==';

/** Lines of a program that does what it should. */
export const RIGHT = 'fs.writeFileSync(to, half);';

/** A program that runs these lines; `from`, `to`, `half` (a mask), `fs`, `spawn` and `knock` (at a port) are at hand. */
export async function writeRemover(folder: string, lines: string, name = 'remover.mjs'): Promise<string> {
  const file = path.join(folder, name);
  const text = `import * as fs from 'node:fs';
import * as net from 'node:net';
import { spawn } from 'node:child_process';
const [from, to] = process.argv.slice(2);
const half = Buffer.from('${HALF}', 'base64');
const knock = (port) => new Promise((resolve) => net.connect(port, '127.0.0.1', resolve));
${lines}
`;
  await writeFile(file, text);
  return file;
}

/** Where programs of the tests knock when they begin; the line breaks when they end, however that may be. */
export interface Door {
  port: number;
  /** Resolves with the next one who knocks, or has knocked and was not asked for yet. */
  visitor(): Promise<Socket>;
  close(): void;
}

/** Opens a door on loopback. */
export async function openDoor(): Promise<Door> {
  const waiting: Socket[] = [];
  const server = createServer((socket) => {
    // A program that is killed resets its line.
    socket.on('error', () => {});
    socket.resume();
    waiting.push(socket);
    server.emit('visitor');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    // Safe: a server that listens on a port has an address of this form.
    port: (server.address() as AddressInfo).port,
    visitor: async () => {
      for (;;) {
        const socket = waiting.shift();
        if (socket !== undefined) return socket;
        await once(server, 'visitor');
      }
    },
    close: () => {
      server.close();
      for (const socket of waiting) socket.destroy();
    },
  };
}

/** Resolves when the program at the other end is gone. */
export async function goneFrom(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close');
}
