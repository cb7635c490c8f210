import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A line to a server that can fail as lines do. */
export interface TcpProxy {
  /** The target's address through this line. */
  url: string;
  /** From now on nothing passes on the connections there are, while they stay open; new ones work. */
  silence(): void;
  /** Resolves when something that a client sent has been swallowed by the silence. */
  swallowed(): Promise<void>;
  /** Breaks the connection on which the server next sends these bytes, instead of passing them on. */
  cutAt(answer: string): void;
  /** While true, clients do not see that the server has hung up. */
  holdEnds(isHeld: boolean): void;
  /** Resolves when so many connections are closed on the client's side. */
  closed(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens a line on loopback to the server of a URL. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const far = new URL(target);
  const sockets = new Set<Socket>();
  const silent = new Set<Socket>();
  const waiting: Socket[] = [];
  const swallowed = Promise.withResolvers<void>();
  let gone = 0;
  let cutAt: string | null = null;
  let isHolding = false;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Breaking off is what this line is for.
    socket.on('error', () => {});
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const line = connect({ port: Number(far.port || '5432'), host: far.hostname, allowHalfOpen: true });
    keep(near);
    keep(line);
    const breakOff = (): void => {
      near.destroy();
      line.destroy();
    };
    near.once('close', () => {
      gone += 1;
      server.emit('gone');
      line.destroy();
    });
    near.on('data', (chunk) => {
      if (silent.has(near)) swallowed.resolve();
      else line.write(chunk);
    });
    line.on('data', (chunk) => {
      if (cutAt !== null && chunk.includes(cutAt)) {
        cutAt = null;
        breakOff();
      } else if (!silent.has(near)) near.write(chunk);
    });
    near.once('end', () => void (silent.has(near) || line.end()));
    line.once('end', () => {
      if (isHolding) waiting.push(near);
      else near.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  // Safe: a server that listens on a port has an address of this kind.
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    silence: () => {
      for (const socket of sockets) silent.add(socket);
    },
    swallowed: () => swallowed.promise,
    cutAt: (answer) => {
      cutAt = answer;
    },
    holdEnds: (isHeld) => {
      isHolding = isHeld;
      if (!isHeld) for (const near of waiting.splice(0)) near.end();
    },
    closed: (count) =>
      new Promise((resolve) => {
        const look = (): void => void (gone >= count && resolve());
        server.on('gone', look);
        look();
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
