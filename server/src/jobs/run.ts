import type { Model } from '../catalog/model.ts';
import type { Clock } from '../core/clock.ts';
import { microCredits, type MicroCredits } from '../core/money.ts';
import type { Row } from '../database/database.ts';
import type { CallPlan } from './call-plan.ts';
import { LeaseLost, type JobsWorld, type Lease } from './world.ts';

/** One job while this process runs it. */
export interface Run {
  world: JobsWorld;
  lease: Lease;
  /** Aborts when the process stops or the worker was declared dead. */
  signal: AbortSignal;
  job: RunningJob;
  /** Hints for this job: see `JobsWorld.hints`. */
  hints: ReturnType<JobsWorld['hints']['listen']>;
  /** Milliseconds for which this job leaves a provider alone after a failure there. */
  restMs(provider: string): number;
  rest(provider: string, ms: number): void;
}

/** What a runner must know of its job. */
export interface RunningJob {
  id: string;
  teamId: string;
  keyId: string;
  mode: 'live' | 'test';
  operation: string;
  model: Model;
  plan: CallPlan;
  /** The provider that the claim chose, or the one that the job has moved on to. */
  provider: string | null;
  /** The key that the job is counted at. */
  providerKey: string | null;
  createdAt: number;
  /** What was held for it. */
  priceMicro: MicroCredits;
  /** Workers that have died while they ran it, since it last got on. */
  crashes: number;
  /** On the clock that never jumps; reckoned from the store's clock, so that no two hosts' clocks are compared. */
  deadlineMs: number;
  webhook: { url: string; events: readonly string[] } | null;
  /** Its caller wanted it cancelled before this run began. */
  isCancelRequested: boolean;
}

/** How long a job leaves each provider alone after a failure there; nothing of it outlives the run. */
export function providerRests(clock: Pick<Clock, 'monotonicMs'>): Pick<Run, 'restMs' | 'rest'> {
  const until = new Map<string, number>();
  return {
    restMs: (provider) => Math.max(0, (until.get(provider) ?? 0) - clock.monotonicMs()),
    rest: (provider, ms) => void until.set(provider, clock.monotonicMs() + ms),
  };
}

/** The caller has asked to cancel. */
export class CancelRequested extends Error {
  override readonly name = 'CancelRequested';
}

/** The process stops: the run ends where it stands, and another one goes on from the rows. */
export class RunStopped extends Error {
  override readonly name = 'RunStopped';
}

/** The job's deadline has passed. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

interface RunRow extends Row {
  team_id: string;
  key_id: string;
  mode: 'live' | 'test';
  operation: string;
  model: string;
  call_json: string;
  provider: string | null;
  provider_key: string | null;
  crashes: number;
  price_micro: number;
  created_at: number;
  left_ms: number;
  webhook_url: string | null;
  webhook_events: string | null;
  cancel_requested_at: number | null;
}

const LOAD = `
SELECT team_id, key_id, mode, operation, model, call_json, provider, provider_key, crashes, price_micro, created_at, deadline_at - lumegate_now() AS left_ms,
  webhook_url, webhook_events, cancel_requested_at
FROM jobs WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3`;

/** Reads the leased job; null when its model has left the catalogue. Throws LeaseLost. */
export async function loadRunningJob(world: JobsWorld, lease: Lease): Promise<RunningJob | null> {
  const row = (await world.database.query<RunRow>(LOAD, [lease.jobId, lease.workerId, lease.epoch]))[0];
  if (row === undefined) throw new LeaseLost(lease.jobId);
  const plan = readPlan(row.call_json);
  const model = modelOf(world.catalog.findModel(row.model), plan);
  if (model === undefined) return null;
  return {
    id: lease.jobId,
    teamId: row.team_id,
    keyId: row.key_id,
    mode: row.mode,
    operation: row.operation,
    model,
    plan,
    provider: row.provider,
    providerKey: row.provider_key,
    createdAt: row.created_at,
    priceMicro: microCredits(row.price_micro),
    crashes: row.crashes,
    deadlineMs: world.clock.monotonicMs() + row.left_ms,
    isCancelRequested: row.cancel_requested_at !== null,
    webhook: row.webhook_url === null ? null : { url: row.webhook_url, events: (row.webhook_events ?? '').split(',') },
  };
}

/** An action runs by facts of its own. */
function modelOf(model: Model | undefined, { action }: CallPlan): Model | undefined {
  return action === null ? model : model?.actions?.kinds[action]?.model;
}

/** The first versions' plans named no providers (the sandbox was the only one), no measured inputs and no actions. */
function readPlan(text: string): CallPlan {
  // Safe: submit wrote a CallPlan here and nothing else writes the column.
  const plan = JSON.parse(text) as Partial<CallPlan> & Omit<CallPlan, 'providers' | 'payer' | 'inputs' | 'action'>;
  const { providers = ['sandbox'], payer = 'operator', inputs = {}, action = null } = plan;
  return { ...plan, providers, payer, inputs, action };
}

const CHECK = `SELECT cancel_requested_at FROM jobs WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3`;

/** Throws when the run must not go on: lease lost, cancel asked for, deadline passed. */
export async function checkRun(run: Run): Promise<void> {
  const { world, lease } = run;
  const values = [lease.jobId, lease.workerId, lease.epoch];
  const row = (await world.database.query<Row & { cancel_requested_at: number | null }>(CHECK, values))[0];
  if (row === undefined) throw new LeaseLost(lease.jobId);
  if (row.cancel_requested_at !== null) throw new CancelRequested();
  if (leftMs(run) <= 0) throw new DeadlinePassed();
}

/** The same from what was read at the start, for the first step. */
export function checkStart(run: Run): void {
  if (run.job.isCancelRequested) throw new CancelRequested();
  if (leftMs(run) <= 0) throw new DeadlinePassed();
}

/** Sleeps until a hint, the deadline or `ms`; then checks whether the run may go on. */
export async function pauseRun(run: Run, ms: number): Promise<void> {
  await sleepRun(run, ms);
  await checkRun(run);
}

/** The same without the check; true when a hint came. */
export function sleepRun(run: Run, ms: number): Promise<boolean> {
  return run.hints.wait(Math.max(0, Math.min(ms, leftMs(run))));
}

/** True once the job's deadline has passed. */
export function isOverdue(run: Run): boolean {
  return leftMs(run) <= 0;
}

/** What a single request may go on for after the deadline, so that its answer is not thrown away. */
const OVERTIME_MS_MAX = 20_000;

/** A time limit that does not let one request hold a job far beyond its deadline. */
export function limitMs(run: Run, ms: number): number {
  return Math.min(ms, Math.max(0, leftMs(run)) + OVERTIME_MS_MAX);
}

function leftMs(run: Run): number {
  return run.job.deadlineMs - run.world.clock.monotonicMs();
}

/** True while the process wants to go on. */
export function isStopping(run: Run): boolean {
  return run.signal.aborted;
}

/** Whose keys the job buys with: a team's own, or the operator's (null). */
export function ownerOf(job: Pick<RunningJob, 'plan' | 'teamId'>): string | null {
  return job.plan.payer === 'team' ? job.teamId : null;
}
