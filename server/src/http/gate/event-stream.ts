import { isoInstant, type Clock } from '../../core/clock.ts';
import type { JobMessage } from '../jobs-port.ts';

/** Proxies close what is silent for 30 to 60 s. */
const HEARTBEAT_MS = 15_000;
/** A reader that is this far behind has gone or never reads; a whole job's stream is a few KiB. */
const BUFFERED_BYTES_MAX = 256 * 1024;
/** How long a browser waits before it asks again. */
const RETRY_MS = 2_000;

export interface EventStreamOptions {
  messages: AsyncIterable<JobMessage>;
  clock: Clock;
  /** Aborted here when the reader leaves or lags behind, and from outside when the process drains. */
  end: AbortController;
  /** Called once, when nothing more will be sent. */
  onEnd: () => void;
}

/** Server-sent events: the messages as they come, a comment as heartbeat, and the end after the last one. */
export function eventStream({ messages, clock, end, onEnd }: EventStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (text: string): void => {
          if (end.signal.aborted) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) < 0) end.abort();
        };
        send(`retry: ${RETRY_MS}\n\n`);
        const beating = beat(clock, end.signal, send);
        const pumping = pump(messages, end.signal, send);
        // Both outcomes end the stream the same way: the reader asks again with Last-Event-ID.
        const finish = async (): Promise<void> => {
          const wasCut = end.signal.aborted;
          end.abort();
          await beating;
          onEnd();
          // After a cancel the controller is closed already and would throw.
          if (!wasCut || controller.desiredSize !== null) closeQuietly(controller);
        };
        pumping.then(finish, finish).catch(() => onEnd());
      },
      cancel() {
        end.abort();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: BUFFERED_BYTES_MAX }),
  );
}

async function pump(
  messages: AsyncIterable<JobMessage>,
  signal: AbortSignal,
  send: (text: string) => void,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    send(formatMessage(message));
  }
}

async function beat(clock: Clock, signal: AbortSignal, send: (text: string) => void): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(HEARTBEAT_MS, signal);
    send(': still here\n\n');
  }
}

function closeQuietly(controller: ReadableStreamDefaultController<Uint8Array>): void {
  try {
    controller.close();
  } catch {
    // Closed or cancelled by the reader in the meantime: that is what was wanted.
  }
}

/** One message as the wire writes it: instants as text. JSON has no line breaks of its own. */
function formatMessage({ id, type, data }: JobMessage): string {
  const shown = 'at' in data && typeof data.at === 'number' ? { ...data, at: isoInstant(data.at) } : data;
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(shown)}\n\n`;
}
