import { createBell } from '../core/bell.ts';
import type { Clock } from '../core/clock.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import type { Log } from '../core/log-port.ts';
import type { AddressTrust, Net } from '../core/net-port.ts';
import type { Random } from '../core/random.ts';
import type { Database, Tx } from '../database/database.ts';
import {
  claimDeliveries,
  findNextDueAt,
  freeLeases,
  listLeases,
  recordTry,
  rescueDeliveries,
  type Claimed,
  type DeliveryLease,
  type DeliveryTry,
  type LeasedDelivery,
} from '../webhooks/deliveries.ts';
import { deliveryRequest } from '../webhooks/delivery-request.ts';
import { createLanes, type Lanes } from '../webhooks/lanes.ts';
import { decide, type TryOutcome } from '../webhooks/schedule.ts';

/** What the loop needs of the world; ids of workers are those of the table `workers`. */
export interface DeliverWorld {
  database: Database;
  net: Pick<Net, 'exchange'>;
  clock: Clock;
  random: Random;
  log: Log;
  /** The worker that owns the leases; it must be alive in `workers`, or others take its deliveries. */
  workerId: string;
  /** The SHA-256 of an API key, 32 bytes, or null when there is no such key. */
  findDigest(keyId: string): Promise<Buffer | null>;
  /** Key of the compatible signature. */
  digestForm: 'raw' | 'hex';
  trust: AddressTrust;
  reachCrashPoint: ReachCrashPoint;
  /** Tells the job, in the transaction that ends its last event's delivery. */
  updateWebhookStatus(tx: Tx, jobId: string, status: 'delivered' | 'failed'): Promise<void>;
}

/** A running loop. */
export interface DeliverLoop {
  /** Looks for due deliveries now, without the rest that hints from elsewhere wait for. */
  wake(): void;
  /** Begins no more tries, lets those under way end (at most `DRAIN_MS_MAX`) and resolves when all is still. */
  stop(): Promise<void>;
}

/** From connect to the last byte of the answer. */
const TRY_MS_MAX = 15_000;
/** Nothing but the status is used; a receiver that sends more is not listened to. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** A hint may be lost, so the table is looked at this often all the same. */
const POLL_MS = 1_000;
/** Claims of one turn; each fills the lanes of at least one host. */
const CLAIMS_MAX = 64;
/**
 * After a turn the loop rests as long as the turn took, but no longer than this. With 10,000 due deliveries of a full
 * host a claim costs 5 to 10 ms, and each try that ends rings: without a rest claims alone would fill the thread.
 */
const REST_MS_MAX = 250;
/** Leases of dead workers are looked for this often; an orphan may wait 30 s at most. */
const RESCUE_MS = 2_000;
/** A try that cannot be written down (the store is away) is tried again, first after the one, at last every other. */
const RECORD_RETRY_MS_MIN = 1_000;
const RECORD_RETRY_MS_MAX = 30_000;
/** A try and its record take less; what still runs then is left to the rescue. */
const DRAIN_MS_MAX = 20_000;

/** Sends webhooks until it is stopped. Several processes may run it on one store. */
export function startDeliverLoop(world: DeliverWorld): DeliverLoop {
  const stopping = new AbortController();
  const giveUp = new AbortController();
  const bell = createBell(world.clock);
  const urgent = createBell(world.clock);
  const wake = (): void => {
    urgent.ring();
    bell.ring();
  };
  const unsubscribe = world.database.subscribe('delivery', bell.ring);
  const { lanes, underWay, begin } = createTries(world, { giveUp: giveUp.signal, onEnd: bell.ring });
  let rescuedAtMs = Number.NEGATIVE_INFINITY;
  /** True when this worker may own leases that it does not know of. */
  let isUnsure = false;

  async function turn(): Promise<number> {
    if (world.clock.monotonicMs() - rescuedAtMs >= RESCUE_MS) {
      rescuedAtMs = world.clock.monotonicMs();
      await rescue(world);
      isUnsure = true;
    }
    // Bounded, because places that fall free meanwhile could keep it from the rescue for ever.
    for (let claims = 0; claims < CLAIMS_MAX && lanes.free() > 0 && !stopping.signal.aborted; claims += 1) {
      const wasUnsure = isUnsure;
      // The answer to a claim's commit may get lost: then it has leased deliveries that nobody sends.
      isUnsure = true;
      const { deliveries, isMore } = await claim(world, lanes);
      for (const delivery of deliveries) begin(delivery);
      const freed = wasUnsure ? await freeUnbegun(world, underWay) : 0;
      isUnsure = false;
      if (freed === 0 && (deliveries.length === 0 || !isMore)) break;
    }
    const now = world.clock.now();
    const dueAt = await findNextDueAt(world.database, now);
    return dueAt === null ? POLL_MS : Math.min(POLL_MS, dueAt - now);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      bell.hush();
      urgent.hush();
      const startedMs = world.clock.monotonicMs();
      const restMs = await turn().catch((error: unknown) => {
        world.log.error('delivery.turn-failed', {}, error);
        return POLL_MS;
      });
      const turnMs = world.clock.monotonicMs() - startedMs;
      if (turnMs > 0) await urgent.wait(Math.min(turnMs, REST_MS_MAX));
      await bell.wait(restMs);
    }
  }

  const running = run();
  return {
    wake,
    stop: async () => {
      stopping.abort();
      wake();
      unsubscribe();
      await running;
      const drained = new AbortController();
      const all = Promise.all(underWay.values()).then(() => drained.abort());
      await world.clock.sleep(DRAIN_MS_MAX, drained.signal);
      giveUp.abort();
      await all;
    },
  };
}

/** Tries under way: by the name of their lease, and by the lanes they take. */
interface Tries {
  lanes: Lanes;
  underWay: ReadonlyMap<string, Promise<void>>;
  begin(delivery: LeasedDelivery): void;
}

function createTries(world: DeliverWorld, { giveUp, onEnd }: { giveUp: AbortSignal; onEnd: () => void }): Tries {
  const lanes = createLanes();
  const underWay = new Map<string, Promise<void>>();
  return {
    lanes,
    underWay,
    begin: (delivery) => {
      lanes.begin(delivery.host);
      const startedMs = world.clock.monotonicMs();
      const done = deliver(world, delivery, giveUp)
        .catch((error: unknown) => world.log.error('delivery.abandoned', { deliveryId: delivery.id }, error))
        .finally(() => {
          underWay.delete(nameOf(delivery));
          lanes.end(delivery.host, world.clock.monotonicMs() - startedMs);
          onEnd();
        });
      underWay.set(nameOf(delivery), done);
    },
  };
}

async function rescue(world: DeliverWorld): Promise<void> {
  const rescued = await world.database.transaction((tx) => rescueDeliveries(tx));
  if (rescued > 0) world.log.warn('delivery.rescued', { count: rescued });
}

async function claim(world: DeliverWorld, lanes: Lanes): Promise<Claimed> {
  const { database, clock, workerId } = world;
  const claimed = await database.transaction((tx) => claimDeliveries(tx, { workerId, now: clock.now(), lanes }));
  if (claimed.deliveries.length > 0) await world.reachCrashPoint('C23');
  return claimed;
}

/** One delivery may be under way twice: when this worker was taken for dead and its lease is somebody else's, or new. */
function nameOf(lease: DeliveryLease): string {
  return `${lease.id} ${lease.leaseEpoch}`;
}

/**
 * Gives back leases of this worker that it has not begun: nobody else would while it lives. Claims run one after
 * another, so when one has succeeded every earlier one is over, that of a lost connection included: asked after it,
 * the table names them all.
 */
async function freeUnbegun(world: DeliverWorld, underWay: ReadonlyMap<string, unknown>): Promise<number> {
  const { database, workerId, log } = world;
  const leases = await listLeases(database, workerId);
  const unbegun = leases.filter((lease) => !underWay.has(nameOf(lease)));
  if (unbegun.length === 0) return 0;
  const freed = await database.transaction((tx) => freeLeases(tx, workerId, unbegun));
  if (freed > 0) log.warn('delivery.leases-freed', { count: freed });
  return freed;
}

async function deliver(world: DeliverWorld, delivery: LeasedDelivery, giveUp: AbortSignal): Promise<void> {
  const { clock } = world;
  const at = clock.now();
  const startedMs = clock.monotonicMs();
  const outcome = await send(world, delivery, { at, giveUp }).catch((error: unknown): TryOutcome => {
    // A fault of ours is a failed try like any other: without a record the lease would stay taken for ever.
    world.log.error('delivery.broken', { deliveryId: delivery.id }, error);
    return { kind: 'unanswered', failure: 'internal', isFinal: false };
  });
  if (outcome === 'given-up') return;
  if (outcome.kind === 'answered') await world.reachCrashPoint('C25');
  const made: DeliveryTry = {
    at,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    statusCode: outcome.kind === 'answered' ? outcome.status : null,
    failure: outcome.kind === 'answered' ? null : outcome.failure,
  };
  await record(world, { delivery, outcome, made, giveUp });
}

/** One try over the network. `given-up`: the process ends, and the rescue will send the event again. */
async function send(
  world: DeliverWorld,
  delivery: LeasedDelivery,
  { at, giveUp }: { at: number; giveUp: AbortSignal },
): Promise<TryOutcome | 'given-up'> {
  const keyDigest = await findDigest(world, delivery.keyId);
  if (!Buffer.isBuffer(keyDigest)) return keyDigest;
  const passed: Promise<void>[] = [];
  const result = await world.net.exchange(deliveryRequest({ delivery, at, keyDigest, form: world.digestForm }), {
    totalMs: TRY_MS_MAX,
    headersMs: TRY_MS_MAX,
    bodyBytesMax: ANSWER_BYTES_MAX,
    redirectsMax: 0,
    trust: world.trust,
    signal: giveUp,
    // A turn later the bytes are with the system and no answer has been read yet.
    onSending: () => {
      passed.push(new Promise<void>((resolve) => setImmediate(resolve)).then(() => world.reachCrashPoint('C24')));
    },
  });
  await Promise.all(passed);
  switch (result.kind) {
    case 'answer':
      return { kind: 'answered', status: result.status, retryAfter: result.headers['retry-after'] ?? null };
    case 'refused':
    case 'lost':
      if (result.reason === 'aborted') return 'given-up';
      return { kind: 'unanswered', failure: result.reason, isFinal: result.reason === 'url-invalid' };
  }
}

/** The signing key, or what its lack means. Nothing is ever sent unsigned. */
async function findDigest(world: DeliverWorld, keyId: string): Promise<Buffer | TryOutcome> {
  try {
    const digest = await world.findDigest(keyId);
    return digest ?? { kind: 'unanswered', failure: 'signing-key-missing', isFinal: true };
  } catch (error) {
    // The store may be away, or the master key wrong until the operator mends it: later may be better.
    world.log.error('delivery.signing-key-unreadable', { keyId }, error);
    return { kind: 'unanswered', failure: 'signing-key-unreadable', isFinal: false };
  }
}

interface RecordInput {
  delivery: LeasedDelivery;
  outcome: TryOutcome;
  made: DeliveryTry;
  giveUp: AbortSignal;
}

/** Writes the try down. While this worker lives nobody else would free the lease, so it does not stop trying. */
async function record(world: DeliverWorld, input: RecordInput): Promise<void> {
  const { delivery, giveUp } = input;
  for (let waitMs = RECORD_RETRY_MS_MIN; !giveUp.aborted; waitMs = Math.min(waitMs * 2, RECORD_RETRY_MS_MAX)) {
    try {
      return await recordOnce(world, input);
    } catch (error) {
      world.log.error('delivery.not-recorded', { deliveryId: delivery.id }, error);
      await world.clock.sleep(waitMs, giveUp);
    }
  }
}

async function recordOnce(world: DeliverWorld, { delivery, outcome, made }: RecordInput): Promise<void> {
  const { database, workerId, log } = world;
  const decision = decide({
    event: delivery.event,
    outcome,
    tries: delivery.tries + 1,
    now: world.clock.now(),
    fraction: world.random.fraction(),
  });
  const recorded = await database.transaction(async (tx) => {
    const change = await recordTry(tx, { delivery, workerId, made, decision });
    if (change.kind === 'recorded' && change.ended !== null && delivery.event !== 'progress') {
      await world.updateWebhookStatus(tx, delivery.jobId, change.ended);
    }
    return change;
  });
  log.info('delivery.tried', {
    deliveryId: delivery.id,
    jobId: delivery.jobId,
    event: delivery.event,
    host: delivery.host,
    number: delivery.tries + 1,
    status: made.statusCode,
    failure: made.failure,
    durationMs: made.durationMs,
    result: recorded.kind === 'lost' ? 'lease-lost' : decision.kind,
  });
}
