import { listDeliveries, listTries, replayDelivery, replayFailed } from '../webhooks/delivery-log.ts';
import { openStore, type Store } from './open-store.ts';
import { CommandProblem, type Output } from './output.ts';
import type { CommandWorld } from './serve.ts';
import { readWords } from './words.ts';

const USE = 'use one of: webhook list [--job <id>] [--failed], webhook replay <delivery>, webhook replay --failed';

/** `lumegate webhook list|replay`: what was sent, with every try; sending again keeps the event's id. */
export async function manageWebhooks({ machine, output }: CommandWorld, words: string[]): Promise<void> {
  const [verb, ...rest] = words;
  const { values, positionals } = readWords(rest, { job: { type: 'string' }, failed: { type: 'boolean' } });
  const store = await openStore(machine);
  try {
    if (verb === 'list') return await show(store, output, values);
    if (verb === 'replay') return await replay(store, output, { id: positionals[0], isAll: values.failed === true });
    throw new CommandProblem(USE);
  } finally {
    await store.database.close();
  }
}

async function show(store: Store, output: Output, filter: { job?: string; failed?: boolean }): Promise<void> {
  const deliveries = await listDeliveries(store.database, {
    ...(filter.job === undefined ? {} : { jobId: filter.job }),
    ...(filter.failed === true ? { state: 'failed' as const } : {}),
  });
  for (const delivery of deliveries) {
    const due = delivery.state === 'pending' ? `  next try ${new Date(delivery.dueAt).toISOString()}` : '';
    output.say(
      `${delivery.id}  job ${delivery.jobId}  ${delivery.event}  ${delivery.state}  to ${delivery.host}${due}`,
    );
    for (const made of await listTries(store.database, delivery.id)) {
      output.say(`    ${new Date(made.at).toISOString()}  ${made.statusCode ?? made.failure}  ${made.durationMs} ms`);
    }
  }
  if (deliveries.length === 0) output.tell('No deliveries.');
}

async function replay(store: Store, output: Output, which: { id: string | undefined; isAll: boolean }): Promise<void> {
  if (which.isAll) {
    const count = await store.database.transaction((tx) => replayFailed(tx));
    output.say(`${count} failed deliveries will be sent again.`);
    return;
  }
  const { id } = which;
  if (id === undefined) throw new CommandProblem(USE);
  const found = await store.database.transaction((tx) => replayDelivery(tx, id));
  if (!found) throw new CommandProblem('there is no such delivery, or it is still being sent');
  output.say('It will be sent again.');
}
