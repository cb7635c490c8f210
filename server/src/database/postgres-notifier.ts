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

interface Notifier {
  send(topic: Topic, id: string): void;
  close(): Promise<void>;
}

/** Carries hints between processes by LISTEN and NOTIFY. Losing one costs a little time, never a job. */
export async function openNotifier(options: {
  url: string;
  topics: LocalTopics;
  log: Log;
  pool: pg.Pool;
}): Promise<Notifier> {
  // A process ignores its own hints: it has emitted them already.
  const self = `${process.pid}.${Math.trunc(performance.timeOrigin)}`;
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let listener: pg.Client | null = null;
  let reconnecting: NodeJS.Timeout | null = null;

  async function listen(): Promise<void> {
    const client = new pg.Client({ connectionString: options.url, keepAlive: true });
    client.on('error', (error) => again(error));
    client.on('end', () => again(new Error('listener connection ended')));
    client.on('notification', (message) => receive(message.payload ?? ''));
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
    listener = client;
  }

  function again(error: Error): void {
    listener = null;
    if (closed || reconnecting !== null) return;
    options.log.warn('database.listener-lost', { message: error.message });
    reconnecting = setTimeout(() => {
      reconnecting = null;
      listen().catch(again);
    }, RECONNECT_MS);
  }

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

  await listen();
  return {
    send: (topic, id) => {
      if (closed || waiting.size >= WAITING_MAX) return;
      waiting.add(`${topic} ${id}`);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    close: async () => {
      closed = true;
      if (timer !== null) clearTimeout(timer);
      if (reconnecting !== null) clearTimeout(reconnecting);
      await listener?.end().catch(() => {});
    },
  };
}
