import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { startReceiver, type Receiver } from '../../support/receiver.ts';
import {
  newKeyText,
  startServer,
  type Exit,
  type ServerEngine,
  type StorePlace,
  type TestServer,
} from '../../support/server.ts';
import { checkHistory, type Finding } from './check-history.ts';
import { askAgainAndRest, followJob, newClient, submit, type ClientHistory, type ClientOptions } from './clients.ts';
import { fetchOutputs, readCrashedStore, readPurchases, readStore } from './evidence.ts';
import { measureResumed, openEndings, openJobs } from './measure-resumed.ts';

/** Where and how the gateway is ended. */
export interface Blow {
  /** For example C9. */
  point: string;
  /** At the how-manieth passing of the point. */
  passing: number;
  signal: 'SIGKILL' | 'SIGTERM';
}

/** The provider process that scenarios share: its sales outlive every gateway. */
export interface Provider {
  url: string;
  dataFolder: string;
}

/** What one scenario came to. */
export interface ScenarioResult {
  engine: string;
  blow: string;
  exit: Exit;
  /** From the signal to the end of the process; 0 for SIGKILL. */
  drainMs: number;
  /** Answers that the clients had before the end, by kind. */
  told: Record<string, number>;
  /** Jobs that had not ended, and endings that were not yet told, when the process ended. */
  orphans: number;
  resumedMs: number | null;
  findings: Finding[];
  /** What the gateways complained about, for the report of a failure. */
  complaints: string[];
}

/** A point that a run with six jobs surely reaches is reached within this. */
const BLOW_MS_MAX = 30_000;
/** PostgreSQL's lease of 20 s, the rescue's 5 s, and the work itself. */
const RECOVERY_MS_MAX = 90_000;
/** Lines of a log that the report of a failure shows. */
const LINES_TOLD = 30;

/**
 * Six clients submit, the gateway dies at the given point and starts again on what is left; then what clients,
 * store, provider and receiver know is compared.
 */
export async function runScenario(engine: ServerEngine, blow: Blow, provider: Provider): Promise<ScenarioResult> {
  const place = await engine.makePlace();
  const times = new Map<string, number[]>();
  const receiver = await startReceiver((hit) => {
    const id = hit.headers['webhook-id'] ?? '';
    times.set(id, [...(times.get(id) ?? []), Date.now()]);
    return { kind: 'status', status: 200 };
  });
  const world: World = {
    place,
    provider,
    receiver,
    apiKey: newKeyText(),
    run: `run${randomBytes(6).toString('hex')}`,
    times,
  };
  try {
    return await play(world, engine.name, blow);
  } finally {
    await receiver.close();
    await place.dispose();
  }
}

interface World {
  place: StorePlace;
  provider: Provider;
  receiver: Receiver;
  apiKey: string;
  /** Stands in every tag of this scenario. */
  run: string;
  /** When the receiver heard of each event, by its id. */
  times: Map<string, number[]>;
}

async function play(world: World, engine: string, blow: Blow): Promise<ScenarioResult> {
  const clients = sixClients(world.run);
  const { complaints, ...struck } = await strike(world, clients, blow);
  const told = countTold(clients);
  const left = await readCrashedStore(world.place);
  const restartedAt = Date.now();
  const gateway = await startGateway(world, {});
  let served: Map<string, string>;
  try {
    await askAgainAndRest(clients, optionsFor(gateway, world), { msMax: RECOVERY_MS_MAX });
    const { outputs } = await readStore(world.place);
    served = await fetchOutputs(gateway.url, outputs);
  } finally {
    await gateway.stop();
    complaints.push(...complaintsOf(gateway));
  }
  const store = await readStore(world.place);
  const resumedMs = measureResumed({ left, store, restartedAt, times: world.times });
  const purchases = (await readPurchases(world.provider.dataFolder)).filter(({ prompt }) => prompt.includes(world.run));
  const findings = checkHistory({
    clients,
    crashed: left,
    store,
    purchases,
    hits: world.receiver.hits,
    served,
    resumedMs,
  });
  const orphans = openJobs(left).length + openEndings(left).length;
  return { engine, blow: blowText(blow), ...struck, told, orphans, resumedMs, findings, complaints };
}

function blowText(blow: Blow): string {
  return `${blow.point}:${blow.passing}${blow.signal === 'SIGKILL' ? '' : ' SIGTERM'}`;
}

/**
 * With and without key and webhook; one is refused by the provider's policy, so that a release is among them. Only the
 * first goes without a webhook: it is ahead of the others, and the blow falls at a later passing, on a job that has one.
 */
function sixClients(run: string): ClientHistory[] {
  const client = (name: string, facts: Partial<ClientHistory>): ClientHistory => newClient(`${run}-${name}`, facts);
  return [
    client('plain', {}),
    client('keyed', { key: `${run}-1`, events: ['completed', 'failed'] }),
    client('told', { events: ['progress', 'completed', 'failed'] }),
    client('keyed-and-told', { key: `${run}-2`, events: ['progress', 'completed', 'failed'] }),
    client('refused', { key: `${run}-3`, expected: 'FAILED', events: ['completed', 'failed'] }),
    client('late', { key: `${run}-4`, events: ['completed', 'failed'] }),
  ];
}

function startGateway(world: World, env: Record<string, string>): Promise<TestServer> {
  return startServer({
    key: world.apiKey,
    dataFolder: world.place.dataFolder,
    databaseUrl: world.place.databaseUrl,
    env: { LUMEGATE_PROVIDER_SANDBOX_URL: world.provider.url, LUMEGATE_ALLOW_PRIVATE_URLS: 'on', ...env },
  });
}

interface Struck {
  exit: Exit;
  drainMs: number;
  complaints: string[];
}

/** Lets the clients work until the process has ended by itself at the point. */
async function strike(world: World, clients: ClientHistory[], blow: Blow): Promise<Struck> {
  const crashAt = `${blow.point}:${blow.passing}:${blow.signal}`;
  const gateway = await startGateway(world, { LUMEGATE_CRASH_AT: crashAt });
  const options = optionsFor(gateway, world);
  const over = new AbortController();
  const exited = gateway.waitForExit().finally(() => over.abort());
  const live = async (client: ClientHistory): Promise<void> => {
    await submit(client, options);
    await followJob(client, options, { waitSeconds: 0, isOver: () => over.signal.aborted });
  };
  const [first, ...others] = clients;
  // One job is well on its way before the others come, so that the blow meets jobs at several steps.
  const lives = first === undefined ? [] : [live(first)];
  await sleep(100);
  lives.push(...others.map(live));
  const late = sleep(BLOW_MS_MAX, 'late' as const, { signal: over.signal, ref: false }).catch(() => 'over' as const);
  if ((await Promise.race([exited, late])) === 'late') {
    await gateway.kill9();
    await Promise.all(lives);
    const seen = clients.map(({ tag, looks }) => `${tag} ${looks.at(-1)?.saw ?? 'nothing'}`);
    throw new Error(`${crashAt} was not reached\n${[...seen, ...gateway.outputLines.slice(-LINES_TOLD)].join('\n')}`);
  }
  await Promise.all(lives);
  const stopping = gateway.logLines.find((line) => line.event === 'server.stopping');
  const drainMs = stopping === undefined ? 0 : Date.now() - Date.parse(String(stopping['at']));
  return { exit: await exited, drainMs, complaints: complaintsOf(gateway) };
}

/** Warnings and errors of a gateway's log, the newest. */
function complaintsOf(gateway: TestServer): string[] {
  return gateway.outputLines.filter((line) => /"level":"(warn|error)"/.test(line)).slice(-LINES_TOLD);
}

function optionsFor(gateway: TestServer, world: World): ClientOptions {
  return { url: () => gateway.url, apiKey: world.apiKey, webhookUrl: world.receiver.url };
}

function countTold(clients: ClientHistory[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of clients.flatMap((client) => client.told)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
