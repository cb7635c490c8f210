import pg from 'pg';

import type { Log } from '../core/log-port.ts';
import type { Topic } from './database.ts';
import type { LocalTopics } from './local-topics.ts';

const CHANNEL = 'lumegate';
/** NOTIFY takes a cluster-wide lock and payloads under 8,000 bytes, so hints are gathered this long. */
const GATHER_MS = 5;
const PAYLOAD_CHARS_MAX = 7_500;
const RECONNECT_MS = 1_000;
/** Hints not yet sent; when it overflows the rest is dropped, since sweeps find the work anyway. */
const WAITING_MAX = 5_000;
/** A server that lives hangs up at once when told goodbye; one that is silent never does. */
export const GOODBYE_MS_MAX = 1_000;
/** A peer that is gone without a word is noticed in about 20 s; the system's own default is two hours. */
export const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 } as const;

interface Notifier {
  send(topic: Topic, id: string): void;
  close(): Promise<void>;
}

interface NotifierOptions {
  url: string;
  topics: LocalTopics;
  log: Log;
  pool: pg.Pool;
  limits: { connectMs: number; answerMs: number };
}

/**
 * Carries hints between processes by LISTEN and NOTIFY. Losing one costs a little time, never a job. Rejects, and
 * tries no more, when the first connection fails; later ones are replaced until `close`.
 */
export async function openNotifier(options: NotifierOptions): Promise<Notifier> {
  // A process ignores its own hints: it has emitted them already.
  const self = `${process.pid}.${Math.trunc(performance.timeOrigin)}`;
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;

  function receive(payload: string): void {
    const [from, ...hints] = payload.split('\n');
    if (from === self) return;
    for (const hint of hints) {
      const [topic, id = ''] = hint.split(' ');
      // Safe: only this file writes to the channel; an unknown topic has no subscriber.
      options.topics.emit(topic as Topic, id);
    }
  }

  function flush(): void {
    timer = null;
    let payload = self;
    for (const hint of waiting) {
      if (payload.length + hint.length >= PAYLOAD_CHARS_MAX) break;
      payload += `\n${hint}`;
      waiting.delete(hint);
    }
    options.pool.query('SELECT pg_notify($1, $2)', [CHANNEL, payload]).catch((error: Error) => {
      options.log.warn('database.notify-failed', { message: error.message });
    });
    if (waiting.size > 0) timer = setTimeout(flush, GATHER_MS);
  }

  const listener = await keepListening(options, receive);
  return {
    send: (topic, id) => {
      if (closed || waiting.size >= WAITING_MAX) return;
      waiting.add(`${topic} ${id}`);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    close: async () => {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      await listener.close();
    },
  };
}

/** Resolves when the channel is heard, and from then on replaces a connection that is lost. */
async function keepListening(
  { url, log, limits }: NotifierOptions,
  receive: (payload: string) => void,
): Promise<{ close(): Promise<void> }> {
  let closed = false;
  let hasListened = false;
  /** The newest connection, opening or open; what older ones still report is nobody's concern. */
  let listener: pg.Client | null = null;
  let reconnecting: NodeJS.Timeout | null = null;

  async function listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: limits.connectMs,
      query_timeout: limits.answerMs,
      ...KEEP_ALIVE,
    });
    listener = client;
    client.on('error', (error) => lost(client, error.message));
    client.on('end', () => lost(client, 'listener connection ended'));
    client.on('notification', (message) => receive(message.payload ?? ''));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      lost(client, String(error));
      throw error;
    }
    if (listener !== client) throw new Error('listener connection ended');
    hasListened = true;
  }

  /** Comes more than once for one connection, and late for an old one: only the first word of the newest counts. */
  function lost(client: pg.Client, message: string): void {
    if (client !== listener) return;
    listener = null;
    void hangUp(client);
    // Who opens the store hears of a first failure and decides; a timer here would keep a process that gives up.
    if (closed || !hasListened) return;
    log.warn('database.listener-lost', { message });
    reconnecting = setTimeout(() => {
      reconnecting = null;
      // A failure was told by `lost`, which has arranged the next try.
      listen().catch(() => {});
    }, RECONNECT_MS);
  }

  await listen();
  return {
    close: async () => {
      closed = true;
      if (reconnecting !== null) clearTimeout(reconnecting);
      if (listener !== null) await hangUp(listener);
    },
  };
}

/** Says goodbye; a server that does not answer it is left all the same. */
async function hangUp(client: pg.Client): Promise<void> {
  const timer = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS_MAX);
  await client.end().catch(() => {});
  clearTimeout(timer);
}
