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
import { checkHistory, isLost, type Finding } from './check-history.ts';
import { askAgainAndRest, followJob, newClient, submit, type ClientHistory, type ClientOptions } from './clients.ts';
import { fetchOutputs, readCrashedStore, readStore } from './evidence.ts';
import { openFrontDoor, reservePort, type FrontDoor } from './front-door.ts';
import { measureResumed, openEndings, openJobs } from './measure-resumed.ts';
import type { TestedProvider } from './tested-providers.ts';
import type { Turns } from './turns.ts';

/** Where and how the gateway is ended. */
export interface Blow {
  /** For example C9. */
  point: string;
  /** At the how-manieth passing of the point. */
  passing: number;
  signal: 'SIGKILL' | 'SIGTERM';
}

/** What one scenario came to. */
export interface ScenarioResult {
  provider: string;
  engine: string;
  blow: string;
  signal: Blow['signal'];
  exit: Exit;
  /** From the signal to the end of the process; 0 for SIGKILL. */
  drainMs: number;
  /** Answers that the clients had before the end, by kind. */
  told: Record<string, number>;
  /** Jobs that had not ended, and endings that were not yet told, when the process ended. */
  orphans: number;
  resumedMs: number | null;
  findings: Finding[];
  /** Generations that the provider has sold, and purchases that were given up as lost. */
  bought: number;
  writtenOff: number;
  /** What the gateways complained about, for the report of a failure. */
  complaints: string[];
  /** From the first start to the last look, without the time in line for the machine. */
  tookMs: number;
}

/** A point that a run with four jobs surely reaches is reached within this. */
const BLOW_MS_MAX = 30_000;
/** PostgreSQL's lease of 20 s, three minutes until a lost purchase is given up, and the work itself. */
const RECOVERY_MS_MAX = 240_000;
/** Gateways start and do what they can at once within this. */
const BUSY_MS = 6_000;
/** Lines of a log that the report of a failure shows. */
const LINES_TOLD = 30;

/** Where and against whom a scenario is played. */
export interface Stage {
  engine: ServerEngine;
  provider: TestedProvider;
  /** Who may start a gateway and have it struck. */
  turns: Turns;
}

/**
 * Clients submit, the gateway dies at the given point and starts again on what is left; then what clients, store,
 * provider and receiver know is compared.
 */
export async function runScenario(stage: Stage, blow: Blow): Promise<ScenarioResult> {
  const place = await stage.engine.makePlace();
  const times = new Map<string, number[]>();
  const receiver = await startReceiver((hit) => {
    const id = hit.headers['webhook-id'] ?? '';
    times.set(id, [...(times.get(id) ?? []), Date.now()]);
    return { kind: 'status', status: 200 };
  });
  const port = await reservePort();
  const door = await openFrontDoor(port, { isShut: isDeaf(stage.provider, blow) });
  const run = `run${randomBytes(6).toString('hex')}`;
  try {
    return await play({ ...stage, place, receiver, door, port, apiKey: newKeyText(), run, times }, blow);
  } finally {
    await door.close();
    await receiver.close();
    await place.dispose();
  }
}

/** A provider that can be asked what it sold is asked: its callbacks, which would tell the same, are lost. */
function isDeaf(provider: TestedProvider, { point }: Blow): boolean {
  return provider.hearsByLook && point !== 'C13' && point !== 'C14';
}

interface World extends Stage {
  place: StorePlace;
  receiver: Receiver;
  /** Where the provider's callbacks come in: the address outlives the gateway. */
  door: FrontDoor;
  port: number;
  apiKey: string;
  /** Stands in every tag of this scenario. */
  run: string;
  /** When the receiver heard of each event, by its id. */
  times: Map<string, number[]>;
}

async function play(world: World, blow: Blow): Promise<ScenarioResult> {
  const { engine, provider, turns } = world;
  const clients = fourClients(world);
  const struck = await turns.take(() => timed(() => strike(world, clients, blow)));
  const { complaints, ...ending } = struck.value;
  const told = countTold(clients);
  const left = await readCrashedStore(world.place);
  const rested = await rest(world, clients, blow);
  complaints.push(...rested.complaints);
  const store = await readStore(world.place);
  const resumedMs = measureResumed({ left, store, restartedAt: rested.restartedAt, times: world.times });
  const purchases = (await provider.purchases()).filter(({ prompt }) => prompt.includes(world.run));
  const findings = checkHistory({
    clients,
    crashed: left,
    store,
    purchases,
    hits: world.receiver.hits,
    served: rested.served,
    resumedMs,
    provider,
    isGraceful: blow.signal === 'SIGTERM',
  });
  return {
    provider: provider.name,
    engine: engine.name,
    blow: `${blow.point}:${blow.passing}`,
    signal: blow.signal,
    ...ending,
    told,
    orphans: openJobs(left).length + openEndings(left).length,
    resumedMs,
    findings,
    bought: purchases.length,
    writtenOff: store.attempts.filter(isLost).length,
    complaints,
    tookMs: struck.tookMs + Date.now() - rested.restartedAt,
  };
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; tookMs: number }> {
  const since = Date.now();
  return { value: await work(), tookMs: Date.now() - since };
}

/** Another gateway goes on with what is left, until nothing is open any more. */
async function rest(
  world: World,
  clients: ClientHistory[],
  blow: Blow,
): Promise<{ restartedAt: number; served: Map<string, string>; complaints: string[] }> {
  const options = optionsFor(world);
  const started = await world.turns.take(async () => {
    const at = Date.now();
    const gateway = await startGateway(world, {});
    const resting = askAgainAndRest(clients, options, { msMax: RECOVERY_MS_MAX });
    // What is not at rest by then waits for a lost purchase, and is no work for the machine; so does, at once, what
    // waits for the lease of a dead worker elsewhere.
    const isIdle = world.engine.name === 'postgres' && blow.signal === 'SIGKILL';
    if (!isIdle) await Promise.race([resting, sleep(BUSY_MS)]);
    return { at, gateway, resting };
  });
  const { gateway } = started;
  let served: Map<string, string>;
  try {
    await started.resting;
    const { outputs } = await readStore(world.place);
    served = await fetchOutputs(baseUrl(world), outputs);
  } finally {
    await gateway.stop();
  }
  return { restartedAt: started.at, served, complaints: complaintsOf(gateway) };
}

/**
 * With and without key and webhook. Only the first goes without a webhook: it is ahead of the others, and the blow
 * falls at a later passing, on a job that has one. Where the provider judges content, one is refused, so that a release
 * is among them; the operator's own machines refuse nothing.
 */
function fourClients({ run, provider }: World): ClientHistory[] {
  const client = (name: string, facts: Partial<ClientHistory>): ClientHistory => newClient(`${run}-${name}`, facts);
  const refuses = provider.name === 'sandbox' || !provider.isOwnMachine;
  return [
    client('plain', {}),
    client('keyed-and-told', { key: `${run}-1`, events: ['completed', 'failed'] }),
    client('told', { events: ['progress', 'completed', 'failed'] }),
    client('refused', {
      key: `${run}-2`,
      expected: refuses ? 'FAILED' : 'COMPLETED',
      events: ['completed', 'failed'],
    }),
  ];
}

function startGateway(world: World, env: Record<string, string>): Promise<TestServer> {
  return startServer({
    key: world.apiKey,
    dataFolder: world.place.dataFolder,
    databaseUrl: world.place.databaseUrl,
    env: {
      ...world.provider.env,
      LUMEGATE_ALLOW_PRIVATE_URLS: 'on',
      LUMEGATE_PUBLIC_URL: world.door.url,
      PORT: String(world.port),
      ...env,
    },
  });
}

/** Clients come without the detour of the door: a gateway that is away is away for them. */
function baseUrl(world: World): string {
  return `http://127.0.0.1:${world.port}`;
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
  const options = optionsFor(world);
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

function optionsFor(world: World): ClientOptions {
  const { apiKey, receiver, provider } = world;
  return { url: () => baseUrl(world), apiKey, webhookUrl: receiver.url, order: provider.order };
}

function countTold(clients: ClientHistory[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of clients.flatMap((client) => client.told)) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
