import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Script } from '../../../server/src/doubles/script.ts';
import { startTestDouble, type TestDouble } from '../../support/doubles.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import {
  newKeyText,
  startServer,
  temporaryFolder,
  type LogLine,
  type StorePlace,
  type TestServer,
} from '../../support/server.ts';
import { checkHistory, type Finding } from './check-history.ts';
import { followJob, newClient, submit, type ClientHistory, type ClientOptions } from './clients.ts';
import { fetchOutputs, readStore, type StoreEvidence } from './evidence.ts';

/** One gateway with two ways to buy: Replicate first, Black Forest Labs second. */
export interface Drill {
  gateway: TestServer;
  place: StorePlace;
  first: TestDouble;
  second: TestDouble;
  /** Hears what the operator hears. */
  operator: Receiver;
  clients: ClientHistory[];
  options: ClientOptions;
  /** Sends jobs, `apartMs` between them, and resolves with what each took when all have ended. */
  stream(name: string, flow: { jobs: number; apartMs: number }): Promise<JobTime[]>;
  /** What the log says of circuits, in order. */
  circuits(): { state: 'open' | 'closed'; at: number; cause: unknown }[];
  /** Stops the gateway and compares all that is known. */
  reckon(): Promise<{ store: StoreEvidence; findings: Finding[] }>;
  close(): Promise<void>;
}

/** How long a caller waited for a job, in milliseconds. */
export interface JobTime {
  tag: string;
  tookMs: number;
  ended: string | null;
}

/** As short as pictures can be, so that waiting shows. */
const GENERATION_MS = 300;
const JOB_MS_MAX = 240_000;

export interface DrillSettings {
  env?: Record<string, string>;
  /** Of the first provider. */
  script?: Script;
  /** The gateway knows no second provider. */
  isFirstAlone?: boolean;
}

/** Starts both providers and the gateway, on SQLite. */
export async function openDrill(settings: DrillSettings = {}): Promise<Drill> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closing.splice(0).toReversed()) await closeOne();
  };
  try {
    return { ...(await openAll(settings, closing)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openAll(settings: DrillSettings, closing: (() => Promise<unknown>)[]): Promise<Omit<Drill, 'close'>> {
  const { env = {}, script = [], isFirstAlone = false } = settings;
  const keep = <T extends { close(): Promise<void> }>(opened: T): T => {
    closing.push(opened.close);
    return opened;
  };
  const first = keep(await startTestDouble('replicate', { durationMs: GENERATION_MS, script }));
  const second = keep(await startTestDouble('bfl', { durationMs: GENERATION_MS }));
  const operator = keep(await startReceiver(() => ({ kind: 'status', status: 200 })));
  const receiver = keep(await startReceiver(() => ({ kind: 'status', status: 200 })));
  const dataFolder = await temporaryFolder();
  const place: StorePlace = { dataFolder, databaseUrl: null, dispose: () => rm(dataFolder, { recursive: true }) };
  closing.push(place.dispose);
  const gateway = await startServer({
    key: newKeyText(),
    dataFolder,
    env: {
      ...first.env,
      ...(isFirstAlone ? {} : second.env),
      LUMEGATE_PROVIDER_ORDER: 'replicate,bfl',
      LUMEGATE_OPERATOR_WEBHOOK: operator.url,
      ...env,
    },
  });
  closing.push(gateway.stop);
  const clients: ClientHistory[] = [];
  const options: ClientOptions = {
    url: () => gateway.url,
    apiKey: gateway.key,
    webhookUrl: receiver.url,
    order: { model: 'flux-1.1-pro' },
  };
  const parts = { gateway, place, first, second, operator, clients, options };
  return {
    ...parts,
    stream: (name, flow) => stream(parts, { name, ...flow }),
    circuits: () => gateway.logLines.flatMap(circuitIn),
    reckon: () => reckon(parts, receiver),
  };
}

async function reckon(
  { gateway, place, first, second, clients }: Pick<Drill, 'gateway' | 'place' | 'first' | 'second' | 'clients'>,
  receiver: Receiver,
): ReturnType<Drill['reckon']> {
  const { outputs } = await readStore(place);
  const served = await fetchOutputs(gateway.url, outputs);
  await gateway.stop();
  const store = await readStore(place);
  const sold = [...(await first.ledger()), ...(await second.ledger())];
  const purchases = sold.map(({ id, prompt, costMicroUsd }) => ({ id, prompt, cost: costMicroUsd }));
  const history = { clients, crashed: null, store, purchases, hits: receiver.hits, served, resumedMs: null };
  // Both are to be found out: Replicate lists what it sold, and nothing was lost at the other.
  const provider = { lost: 'settled' as const, isOwnMachine: false };
  return { store, findings: checkHistory({ ...history, provider, isGraceful: false }) };
}

async function stream(
  { clients, options }: Pick<Drill, 'clients' | 'options'>,
  flow: { name: string; jobs: number; apartMs: number },
): Promise<JobTime[]> {
  const times: Promise<JobTime>[] = [];
  for (let number = 1; number <= flow.jobs; number += 1) {
    const client = newClient(`${flow.name}-${number}`, { events: ['completed', 'failed'] });
    clients.push(client);
    times.push(live(client, options));
    await sleep(flow.apartMs);
  }
  return Promise.all(times);
}

async function live(client: ClientHistory, options: ClientOptions): Promise<JobTime> {
  const since = Date.now();
  await submit(client, options);
  const isOver = (): boolean => Date.now() - since > JOB_MS_MAX;
  const ended = await followJob(client, options, { waitSeconds: 20, isOver });
  return { tag: client.tag, tookMs: Date.now() - since, ended };
}

function circuitIn(line: LogLine): ReturnType<Drill['circuits']> {
  const state = /^route\.circuit-(open|closed)$/.exec(line.event)?.[1];
  if (state !== 'open' && state !== 'closed') return [];
  return [{ state, at: Date.parse(String(line['at'])), cause: line['cause'] }];
}
