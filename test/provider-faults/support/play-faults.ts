import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../../../server/src/doubles/fault.ts';
import type { RunningDouble } from '../../../server/src/doubles/run-double.ts';
import { startDouble, type DoubleId } from '../../../server/src/commands/vendors.ts';
import type { ServerEngine } from '../../support/server.ts';
import type { Books } from './books.ts';
import { follow, openGateway, submit, type Ended, type Gateway } from './gateway.ts';

/** One fault, which strikes the first try of its job or each one. */
export interface Play {
  fault: Fault;
  strikes: 'first' | 'always';
}

/** What came of a play. */
export interface Played {
  ended: Ended;
  /** Generations that the double has sold for this job. */
  bought: number;
  /** Where the double counts those who follow a link to where they must not go. */
  trespasses: number;
  costs: Books['costs'];
  /** Lines of the log about this job. */
  log: { event: string; level: unknown }[];
}

/** What came of all plays at one provider. */
export interface PlayedProvider {
  /** An error stands for a job that hangs, or an answer that makes no sense. */
  plays: ReadonlyMap<string, Played | Error>;
  /** Of the gateway's process. */
  rssBytesMax: number;
  serverErrors: readonly string[];
  errorLines: readonly string[];
  isAlive: boolean;
  /** Times at which a double's key stood in the gateway's output. */
  keysLeaked: number;
  books: Books;
  /** Files of answers that are still kept although their jobs have ended. */
  spooled: readonly string[];
}

/** A job that has not ended so long after its deadline hangs. */
const HANG_AFTER_MS = 45_000;
const DURATION_MS = 500;
const RSS_LOOK_MS = 200;

/** How a play is called, in tests and as the provider's id. */
export function nameOf({ fault, strikes }: Play): string {
  return `${strikes}-${fault}`;
}

/** A gateway with a double for each of its plays. */
export interface FaultStage {
  /** Plays all faults side by side and closes everything. */
  play(): Promise<PlayedProvider>;
}

/**
 * Starts a gateway for faults of one provider. Each has a double and a provider instance of its own, so that circuits,
 * keys and lists of one do not touch another.
 */
export async function openFaultStage(options: {
  engine: ServerEngine;
  double: DoubleId;
  plays: readonly Play[];
  /** The deadline of each job. */
  jobMinutes: number;
}): Promise<FaultStage> {
  const stands = await Promise.all(options.plays.map((play) => openStand(options.double, play)));
  const closeDoubles = (): Promise<unknown> => Promise.all(stands.map(({ double }) => double.close()));
  const opening = openGateway({
    engine: options.engine,
    env: {
      LUMEGATE_JOB_MINUTES: String(options.jobMinutes),
      LUMEGATE_INSTANCES: stands.map(({ id }) => `${id}=${options.double}`).join(','),
      ...Object.assign({}, ...stands.map(settingsOf)),
    },
  });
  const gateway = await opening.catch(async (error: unknown) => {
    await closeDoubles();
    throw error;
  });
  return {
    play: async () => {
      try {
        return await playAll(gateway, stands, options.jobMinutes * 60_000 + HANG_AFTER_MS);
      } finally {
        await gateway.close();
        await closeDoubles();
      }
    },
  };
}

async function playAll(gateway: Gateway, stands: readonly Stand[], hangMs: number): Promise<PlayedProvider> {
  const done = new AbortController();
  const memory = watchMemory(gateway, done.signal);
  const ends = await Promise.all(stands.map((stand) => runStand(gateway, stand, hangMs)));
  done.abort();
  const [rssBytesMax, books] = await Promise.all([memory, gateway.books()]);
  const plays = new Map<string, Played | Error>();
  for (const [index, stand] of stands.entries()) {
    const end = ends[index] ?? new Error('not run');
    plays.set(stand.id, end instanceof Error ? end : await factsOf(gateway, stand, { ended: end, books }));
  }
  const { outputLines, logLines } = gateway.server;
  const key = stands[0]?.double.key ?? null;
  return {
    plays,
    rssBytesMax,
    books,
    spooled: await listSpooled(gateway),
    serverErrors: gateway.serverErrors,
    errorLines: logLines.filter((line) => line['level'] === 'error').map((line) => JSON.stringify(line)),
    isAlive: (await gateway.call('GET', '/healthz')).status === 200,
    keysLeaked: key === null ? 0 : outputLines.filter((line) => line.includes(key)).length,
  };
}

interface Stand {
  id: string;
  play: Play;
  double: RunningDouble;
}

async function openStand(id: DoubleId, play: Play): Promise<Stand> {
  // The same id is given twice, so somebody must have bought before.
  const nth = play.fault === 'p6-same-id' ? 2 : 1;
  const match = play.strikes === 'first' ? { match: { nth } } : {};
  const script = [{ ...match, fault: play.fault }];
  return { id: nameOf(play), play, double: await startDouble(id, { durationMs: DURATION_MS, script }) };
}

function settingsOf({ id, double }: Stand): Record<string, string> {
  const name = `LUMEGATE_PROVIDER_${id.toUpperCase().replaceAll('-', '_')}`;
  const url = Object.entries(double.settings).find(([setting]) => setting.endsWith('_URL'))?.[1] ?? double.url;
  return { [`${name}_URL`]: url, ...(double.key === null ? {} : { [`${name}_KEY`]: double.key }) };
}

async function runStand(gateway: Gateway, { id, play }: Stand, hangMs: number): Promise<Ended | Error> {
  const routing = { providers: [id], fallback: 'none' };
  const run = async (prompt: string, ratio: string): Promise<Ended> =>
    follow(gateway, await submit(gateway, { prompt, fluxParams: { aspect_ratio: ratio }, routing }), hangMs);
  try {
    // Its picture has another shape, so that it is known wherever it turns up.
    if (play.fault === 'p6-same-id') await run('a blue lamp', '16:9');
    return await run('a red kite', '1:1');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function factsOf(
  gateway: Gateway,
  { double }: Stand,
  { ended, books }: { ended: Ended; books: Books },
): Promise<Played> {
  const ledger = await double.ledger();
  return {
    ended,
    bought: ledger.filter(({ prompt }) => prompt.includes('a red kite')).length,
    trespasses: double.state().trespasses,
    costs: books.costs.filter((entry) => entry.job_id === ended.id),
    log: gateway.server.logLines
      .filter((line) => line['jobId'] === ended.id)
      .map((line) => ({ event: line.event, level: line['level'] })),
  };
}

async function watchMemory(gateway: Gateway, done: AbortSignal): Promise<number> {
  let most = 0;
  while (!done.aborted) {
    most = Math.max(most, await gateway.rssBytes());
    await sleep(RSS_LOOK_MS);
  }
  return most;
}

async function listSpooled({ place }: Gateway): Promise<string[]> {
  const folder = path.join(place.dataFolder, 'blobs', 'objects', 'spool');
  // Where no answer held a file, there is no such folder.
  return readdir(folder).catch(() => []);
}
