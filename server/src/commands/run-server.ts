import type { Catalog } from '../catalog/load-catalog.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import { createApp } from '../http/app.ts';
import { listen } from '../http/listen.ts';
import type { JobsPort } from '../http/jobs-port.ts';
import type { HttpWorld } from '../http/world.ts';
import type { ProvidersPort } from '../http/providers-port.ts';
import { cancelJob } from '../jobs/cancel-job.ts';
import { receiveCallback } from '../jobs/callback.ts';
import { estimateJob } from '../jobs/estimate.ts';
import { createJobReader, type JobReader } from '../jobs/job-reader.ts';
import { listJobs } from '../jobs/list-jobs.ts';
import { createMeasuredTimes, type MeasuredTimes } from '../jobs/measured-times.ts';
import { findReplay, submitJob } from '../jobs/submit.ts';
import { findTimeline, waitForJob, watchJob } from '../jobs/watch-job.ts';
import { updateWebhookStatus } from '../jobs/webhook-status.ts';
import type { JobsWorld } from '../jobs/world.ts';
import { createMetrics } from '../log/metrics.ts';
import { startMeasuring } from '../loops/measure.ts';
import { startTellOperator } from '../loops/tell-operator.ts';
import { startWorker, type Worker } from '../loops/worker.ts';
import { createAuthenticator } from '../teams/authenticate.ts';
import { findKeyDigest } from '../teams/keys.ts';
import { buildEngine, type Engine } from './build-engine.ts';
import { httpMetrics, registerGauges, registerProviderGauges } from './server-metrics.ts';
import type { Machine, Store } from './open-store.ts';
import { openCatalog } from './live-catalog.ts';

/** A server that answers, and runs jobs when it has that role. */
export interface RunningServer {
  /** Base of every address it gives out. */
  publicUrl: string;
  catalog: Catalog;
  /** Stops accepting, lets what is under way finish or be handed over, closes everything but the store. */
  close(): Promise<void>;
}

const JSON_BODY = { 'content-type': 'application/json' };

/** Starts everything of one process, in the order in which the parts need each other. */
export async function runServer(
  machine: Machine,
  store: Store,
  options: { reachCrashPoint: ReachCrashPoint; version: string },
): Promise<RunningServer> {
  const { settings, clock, log, random } = machine;
  const { catalog, follow } = openCatalog(machine);
  const closing = new AbortController();
  let publicUrl = settings.publicUrl ?? '';
  let listening: { host: string; port: number }[] = [];
  let takeCallback: (url: string, body: string) => Promise<void> = async () => {};
  const engine = await buildEngine(machine, store, {
    catalog,
    reachCrashPoint: options.reachCrashPoint,
    publicUrl: () => publicUrl,
    ownListeners: () => listening,
    sendCallback: (url, body) => takeCallback(url, body),
  });
  const reader = createJobReader(engine.world);
  const measured = createMeasuredTimes(engine.world);
  const metrics = createMetrics();
  const authenticator = createAuthenticator({ database: store.database, vault: store.vault, clock, random });
  const app = createApp({
    settings,
    clock,
    random,
    newId: store.newId,
    log,
    metrics: httpMetrics(metrics),
    ...outsideOf(engine),
    database: store.database,
    catalog,
    authenticator,
    jobs: jobsPort(engine.world, { reader, measured }),
    measured,
    providers: providersPort(store, engine),
    publicUrl: () => publicUrl,
    version: options.version,
    closing: closing.signal,
    reachCrashPoint: options.reachCrashPoint,
  });
  // The sandbox lives in this process, and so does the door that its callbacks come to.
  takeCallback = async (url, body) =>
    void (await app.request(new URL(url).pathname, { method: 'POST', body, headers: JSON_BODY }));
  const listener = await listen(app, {
    host: settings.host,
    port: settings.port,
    clock,
    closing,
    ...(machine.isUnderTest ? { onHalfAnswer: () => options.reachCrashPoint('C7') } : {}),
  });
  listening = [{ host: listener.host, port: listener.port }];
  if (publicUrl === '') publicUrl = `http://${urlHost(settings.host)}:${listener.port}`;
  const worker = settings.roles.has('worker') ? await hireWorker(machine, store, { engine, ...options }) : null;
  const following = follow();
  const measuring = startMeasuring({ measured, clock, log });
  registerGauges(metrics, { database: store.database, worker });
  registerProviderGauges(metrics, engine.keys);
  log.info('server.started', { url: publicUrl, engine: store.database.engine, models: catalog.models.size });
  return {
    publicUrl,
    catalog,
    close: async () => {
      log.info('server.stopping');
      await Promise.all([listener.close(), worker?.stop(), following.stop(), measuring.stop()]);
      authenticator.close();
      reader.close();
      await engine.close();
    },
  };
}

/** The door's ways to files and addresses: those of the engine. */
function outsideOf({ net, blobs, media, world }: Engine): Pick<HttpWorld, 'net' | 'blobs' | 'media' | 'inputs'> {
  return { net, blobs, media, inputs: world.inputs };
}

function providersPort(store: Store, { keys, world }: Engine): ProvidersPort {
  const { providers: adapters, upstream, health } = world;
  return { vault: store.providerVault, keys, adapters, upstream, circuits: () => health.standings() };
}

async function hireWorker(
  machine: Machine,
  store: Store,
  parts: { engine: Engine; reachCrashPoint: ReachCrashPoint },
): Promise<Worker> {
  const { settings, clock, random, log } = machine;
  const { database, vault } = store;
  const { engine, reachCrashPoint } = parts;
  const telling = startTellOperator({ database, net: engine.net, clock, log, settings });
  const worker = await startWorker({
    world: engine.world,
    sweep: engine.sweep,
    deliver: {
      database,
      net: engine.net,
      clock,
      random,
      log,
      findDigest: (keyId) => findKeyDigest(database, { vault, keyId }),
      digestForm: settings.webhookDigest,
      trust: { operatorOrigins: [] },
      reachCrashPoint,
      updateWebhookStatus: async (tx, jobId, status) => {
        await updateWebhookStatus(tx, jobId, status);
        tx.afterCommit(() => database.notify('job', jobId));
      },
    },
  });
  return {
    running: () => worker.running(),
    stop: async () => {
      await Promise.all([worker.stop(), telling.stop()]);
    },
  };
}

function jobsPort(world: JobsWorld, { reader, measured }: { reader: JobReader; measured: MeasuredTimes }): JobsPort {
  return {
    submitJob: (request) => submitJob(world, request),
    findReplay: (caller, idempotency) => findReplay(world, caller, idempotency),
    estimateJob: (request) => estimateJob(world, request, measured),
    findJob: (caller, jobId) => reader.find(caller, jobId),
    listJobs: (caller, query) => listJobs(world, caller, query),
    waitForJob: (caller, jobId, wait) => waitForJob(world, caller, jobId, wait),
    watchJob: (caller, jobId, watch) => watchJob(world, caller, jobId, watch),
    findTimeline: async (caller, jobId) => {
      const found = await findTimeline(world, caller, jobId);
      return found === null
        ? null
        : { events: found.events, attempts: found.attempts.map((attempt) => ({ ...attempt })) };
    },
    cancelJob: (caller, jobId) => cancelJob(world, caller, jobId),
    receiveCallback: (callback) => receiveCallback(world, callback),
  };
}

/** The address by which this machine reaches a listener on `host`. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
