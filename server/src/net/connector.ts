import { once } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import tls from 'node:tls';
import type { buildConnector } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { RefusedReason } from '../core/net-port.ts';
import { isLocalhostName, isPublicAddress, literalAddress, normalAddress } from './address.ts';
import { Ended, orEnd, startEnding } from './ending.ts';
import type { Resolve, ResolvedAddress } from './resolver.ts';

/** From the question for the name to the end of the TLS handshake. */
export const CONNECT_MS = 5_000;
/** Time one address of several has before the next is tried beside it. */
const NEXT_ADDRESS_MS = 500;
/** More addresses than this are checked like the others, but not tried. */
const ADDRESSES_TRIED_MAX = 8;

/** A connection that was not made: nothing of the request has left. */
export class ConnectRefused extends Error {
  readonly reason: RefusedReason;

  constructor(reason: RefusedReason, cause?: unknown) {
    super(`connection refused: ${reason}`, { cause });
    this.name = 'ConnectRefused';
    this.reason = reason;
  }
}

/** Opens a TCP connection to one of the addresses; a seam for tests. */
export type Dial = (addresses: ResolvedAddress[], port: number) => net.Socket;

export interface ConnectorOptions {
  clock: Clock;
  resolve: Resolve;
  /** False only for origins that the operator named and in development. */
  onlyPublic: boolean;
  ownListeners: () => { host: string; port: number }[];
  dial?: Dial | undefined;
  /** Told when an address was forbidden; for the log. */
  onForbidden: (hostname: string) => void;
}

/**
 * Makes the function by which undici opens sockets. The name is resolved once, all its addresses are checked,
 * the connection goes to one of exactly these, and its far end is compared again before the first byte is sent:
 * nothing can change between check and use.
 */
export function createConnector(options: ConnectorOptions): buildConnector.connector {
  return (target, callback) => {
    open(options, target).then(
      (socket) => callback(null, socket),
      (error: unknown) => {
        const refused = asRefused(error);
        if (refused.reason === 'address-forbidden') options.onForbidden(target.hostname);
        callback(refused, null);
      },
    );
  };
}

async function open(options: ConnectorOptions, target: buildConnector.Options): Promise<net.Socket> {
  const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
  const ending = startEnding({ clock: options.clock, totalMs: CONNECT_MS });
  let socket: net.Socket | null = null;
  try {
    const addresses = await addressesOf(options, target.hostname, ending.signal);
    if (options.onlyPublic) refuseForbidden(addresses, port, options.ownListeners());
    socket = (options.dial ?? dial)(addresses.slice(0, ADDRESSES_TRIED_MAX), port);
    await once(socket, 'connect', { signal: ending.signal });
    if (options.onlyPublic) refuseOtherEnd(socket, addresses);
    socket.setNoDelay(true).setKeepAlive(true, 30_000);
    if (target.protocol === 'https:') socket = await secure(socket, target.hostname, ending.signal);
    return socket;
  } catch (error) {
    // After destroy() a late error of the socket has no other listener and would end the process.
    socket?.on('error', () => {}).destroy();
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    ending.close();
  }
}

async function addressesOf(
  options: ConnectorOptions,
  hostname: string,
  signal: AbortSignal,
): Promise<ResolvedAddress[]> {
  const literal = literalAddress(hostname);
  if (literal !== null) return [{ address: literal, family: net.isIP(literal) }];
  if (options.onlyPublic && isLocalhostName(hostname)) throw new ConnectRefused('address-forbidden');
  let found: ResolvedAddress[];
  try {
    found = await orEnd(options.resolve(hostname), signal);
  } catch (error) {
    if (error instanceof Ended) throw error;
    throw new ConnectRefused('name-unresolved', error);
  }
  if (found.length === 0) throw new ConnectRefused('name-unresolved');
  return found;
}

function refuseForbidden(
  addresses: ResolvedAddress[],
  port: number,
  ownListeners: { host: string; port: number }[],
): void {
  // One forbidden address among good ones is an attack (or a mistake that would end as one): no picking.
  if (!addresses.every(({ address }) => isPublicAddress(address))) throw new ConnectRefused('address-forbidden');
  const own = new Set(ownListeners.filter((one) => one.port === port).flatMap(addressesOfListener));
  if (addresses.some(({ address }) => own.has(normalAddress(address)))) throw new ConnectRefused('address-forbidden');
}

function addressesOfListener({ host }: { host: string }): (string | null)[] {
  if (host !== '0.0.0.0' && host !== '::' && host !== '') return [normalAddress(host)];
  return Object.values(os.networkInterfaces()).flatMap((all) => (all ?? []).map((one) => normalAddress(one.address)));
}

function refuseOtherEnd(socket: net.Socket, addresses: ResolvedAddress[]): void {
  const end = socket.remoteAddress ?? '';
  const isChecked = addresses.some(({ address }) => normalAddress(address) === normalAddress(end));
  if (!isChecked || !isPublicAddress(end)) throw new ConnectRefused('address-forbidden');
}

const dial: Dial = (addresses, port) => {
  const [first] = addresses;
  if (first === undefined) throw new ConnectRefused('name-unresolved');
  if (addresses.length === 1) return net.connect({ host: first.address, port });
  return net.connect({
    host: 'checked.invalid',
    port,
    // No second look-up: whatever is asked, the answer is the list that was checked.
    lookup: (_hostname, _options, callback) => callback(null, addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
  });
};

async function secure(socket: net.Socket, hostname: string, signal: AbortSignal): Promise<net.Socket> {
  const name = (literalAddress(hostname) ?? hostname).replace(/\.$/, '');
  const secured = tls.connect({
    socket,
    host: name,
    servername: net.isIP(name) === 0 ? name : '',
    ALPNProtocols: ['http/1.1'],
  });
  try {
    await once(secured, 'secureConnect', { signal });
    return secured;
  } catch (error) {
    secured.on('error', () => {}).destroy();
    throw new ConnectRefused('tls', error);
  }
}

function asRefused(error: unknown): ConnectRefused {
  if (error instanceof ConnectRefused) return error;
  if (error instanceof Ended) return new ConnectRefused('timeout', error);
  return new ConnectRefused('connection-refused', error);
}
