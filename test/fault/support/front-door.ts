import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const KNOCK_MS = 100;

/** A load balancer in front of a gateway that comes and goes. */
export interface FrontDoor {
  /** The same for every gateway behind it. */
  url: string;
  close(): Promise<void>;
}

/**
 * Opens a door to the gateway on a port of loopback. Who comes while no gateway is there waits until one is, or leaves
 * by himself; whoever is talking to a gateway that dies is cut off. A door that is shut turns everybody away.
 */
export async function openFrontDoor(port: number, { isShut }: { isShut: boolean }): Promise<FrontDoor> {
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (near) => {
    sockets.add(near);
    near.once('close', () => sockets.delete(near));
    // Breaking off is what this door is for.
    near.on('error', () => {});
    if (isShut) near.destroy();
    else void lead(near, port);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a server that listens on a port has an address of this kind.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function lead(near: Socket, port: number): Promise<void> {
  while (!near.destroyed) {
    const far = connect(port, '127.0.0.1');
    const isThere = await once(far, 'connect').then(
      () => true,
      () => false,
    );
    if (isThere) {
      far.on('error', () => {});
      far.once('close', () => near.destroy());
      near.once('close', () => far.destroy());
      near.pipe(far).pipe(near);
      return;
    }
    await sleep(KNOCK_MS);
  }
}

/** Below the ports that the system gives to outgoing connections, so that nobody takes it between two starts. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const given = new Set<number>();

/** A port that stays free until the gateway that it is for starts, and while it is away. */
export async function reservePort(): Promise<number> {
  for (;;) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    // Somebody else is there.
    return false;
  } finally {
    server.close();
  }
}
