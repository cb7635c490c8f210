import { GatewayError } from '../../core/errors.ts';
import { isFinal } from '../../jobs/states.ts';
import { empty, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { eventStream } from '../gate/event-stream.ts';
import { jobIdOf } from '../gate/job-id.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { createSlots } from '../gate/slots.ts';
import type { JobMessage } from '../jobs-port.ts';
import type { HttpWorld } from '../world.ts';

/** Each open stream is a socket and a watcher; whoever follows more jobs lists them or takes webhooks. */
export const STREAMS_PER_KEY_MAX = 50;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  // Tells reverse proxies not to collect the stream before passing it on.
  'x-accel-buffering': 'no',
};

/** `GET /v2/jobs/{id}/events`: the job live, from its beginning or from after `Last-Event-ID`, until it has ended. */
export function jobEvents(world: HttpWorld): Operate<KeyedCall> {
  const streams = createSlots({ max: STREAMS_PER_KEY_MAX, what: 'event streams' });
  return async (call): Promise<Answer> => {
    const id = jobIdOf(call);
    const lastId = lastEventId(call.context.req.raw.headers.get('last-event-id'));
    const job = await world.jobs.findJob(call.caller, id);
    if (job === null) throw new GatewayError('job_not_found');
    if (call.context.req.method === 'HEAD') return empty(200, HEADERS);
    const release = streams.take(call.caller.keyId);
    const end = new AbortController();
    const leave = (): void => end.abort();
    world.closing.addEventListener('abort', leave, { once: true });
    const onEnd = (): void => {
      world.closing.removeEventListener('abort', leave);
      release();
    };
    try {
      if (world.closing.aborted) end.abort();
      const messages = await world.jobs.watchJob(call.caller, id, { afterSequence: lastId, signal: end.signal });
      if (messages === null) throw new GatewayError('job_not_found');
      if (!isFinal(job.status) || lastId === 0) return stream(world, { messages, end, onEnd });
      return await rest(world, { messages, end, onEnd }, lastId);
    } catch (error) {
      onEnd();
      throw error;
    }
  };
}

interface Watch {
  messages: AsyncIterable<JobMessage>;
  end: AbortController;
  onEnd: () => void;
}

function stream(world: HttpWorld, watch: Watch): Answer {
  return { status: 200, headers: HEADERS, body: eventStream({ ...watch, clock: world.clock }) };
}

/** A browser that has seen the end asks again for ever unless it is told 204, that nothing will come. */
async function rest(world: HttpWorld, { messages, end, onEnd }: Watch, lastId: number): Promise<Answer> {
  const left: JobMessage[] = [];
  for await (const message of messages) left.push(message);
  // The state comes along in any case; only a step that was not seen yet is worth a stream.
  if (left.some(({ id }) => id > lastId)) return stream(world, { messages: replay(left), end, onEnd });
  end.abort();
  onEnd();
  return empty(204, { 'cache-control': 'no-store' });
}

async function* replay(messages: readonly JobMessage[]): AsyncGenerator<JobMessage> {
  yield* messages;
}

function lastEventId(header: string | null): number {
  if (header === null || header === '') return 0;
  if (/^\d{1,15}$/.test(header)) return Number(header);
  throw refuseInput({ 'Last-Event-ID': ['Invalid input: expected the id of an event'] });
}
