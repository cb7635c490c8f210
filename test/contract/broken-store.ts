import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The file of the embedded store in a data folder. */
export function sqliteFile(dataFolder: string): string {
  return path.join(dataFolder, 'lumegate.sqlite');
}

/**
 * Overwrites everything of a SQLite store but its first page, as a dying disk might. The log is written back first,
 * so that no reader finds the old pages there.
 */
export async function damageSqlite(dataFolder: string): Promise<void> {
  const file = sqliteFile(dataFolder);
  const database = new DatabaseSync(file, { timeout: 5_000 });
  const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  const handle = await open(file, 'r+');
  try {
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size - pageSize, 0xff), 0, size - pageSize, pageSize);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A line to a PostgreSQL server that can be cut. */
export interface CuttableLine {
  /** The same database through this line. */
  databaseUrl: string;
  /** Breaks every connection and refuses new ones, as a server that has gone down. */
  cut(): Promise<void>;
  /** Lets connections through again, under the same address. */
  mend(): Promise<void>;
}

/** Opens a line on loopback to the database's server. */
export async function openLine(databaseUrl: string): Promise<CuttableLine> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Breaking off is what this line is for.
    socket.on('error', () => {});
  };
  const server = createServer((near) => {
    const far = connect(Number(target.port || '5432'), target.hostname);
    keep(near);
    keep(far);
    near.pipe(far).pipe(near);
  });
  // A test that breaks off must end all the same.
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  // Safe: a server that listens on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  url.host = `127.0.0.1:${port}`;
  return {
    databaseUrl: url.href,
    mend: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    cut: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
