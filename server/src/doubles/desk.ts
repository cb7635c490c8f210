import { createHash } from 'node:crypto';

import { isoInstant, type Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { createCallbacks, type Callbacks } from './callbacks.ts';
import { createDelivery, type Delivery } from './delivery.ts';
import type { Desk, Double, DoubleAnswer, DoubleRequest, Generation, Order, View } from './double.ts';
import { createDueTimes } from './due-times.ts';
import { isBeforePurchase } from './fault.ts';
import type { PurchaseLedger } from './ledger.ts';
import type { CallbackSender } from './post-callback.ts';
import type { Fate, RunningScript } from './script.ts';
import { refuseStart, shiftDate, spoilLook, spoilStart } from './spoil.ts';
import { endsAfterMs, viewOf } from './view.ts';

/** Generations that are remembered; beyond it the oldest is forgotten, and its id is then unknown. */
const GENERATIONS_MAX = 200_000;
const INPUT_TEXT_MAX = 4_000;
/** How long the fault not-found-at-first hides a generation. */
const HIDDEN_MS = 1_000;
const HOUR_MS = 3_600_000;
/** Where a forged callback looks for the id of another generation. */
const LAST_SHOWN = 4;
/** Ended generations are struck off the list of those under way at each so many sales. */
const PRUNE_EACH = 4_096;

/** What a desk is made of. */
export interface DeskWorld {
  double: Double;
  url: string;
  clock: Clock;
  random: Random;
  ledger: PurchaseLedger;
  sender: CallbackSender;
  durationMs: number;
  /** The script in force. */
  script(): RunningScript;
  closing: AbortSignal;
}

/** A desk with what the server around it needs. */
export interface OpenDesk {
  desk: Desk;
  delivery: Delivery;
  callbacks: Callbacks;
  counts(): { purchases: number; inFlight: number };
}

interface Shelf extends DeskWorld {
  generations: Map<string, Generation>;
  underWay: Set<Generation>;
  counts: { purchases: number };
  last: Generation | null;
  delivery: Delivery;
  callbacks: Callbacks | null;
}

/** Opens the desk of one double, with nothing sold. */
export function openDesk(world: DeskWorld): OpenDesk {
  const { double, clock, random } = world;
  const delivery = createDelivery({
    clock,
    url: world.url,
    secret: random.bytes(32),
    linkMs: () => world.script().linkMs ?? double.linkMs,
  });
  const shelf: Shelf = {
    ...world,
    delivery,
    generations: new Map(),
    underWay: new Set(),
    counts: { purchases: 0 },
    last: null,
    callbacks: null,
  };
  const desk = makeDesk(shelf);
  const callbacks = createCallbacks({
    callback: double.callback,
    desk,
    sender: world.sender,
    due: createDueTimes(clock, world.closing),
    viewOf: (generation) => view(shelf, generation),
    otherId: (generation) =>
      [...lastFew(shelf)].find((other) => other.id !== generation.id)?.id ?? double.newId(random),
    newId: () => double.newId(random),
  });
  shelf.callbacks = callbacks;
  const counts = (): { purchases: number; inFlight: number } => ({ ...shelf.counts, inFlight: countUnderWay(shelf) });
  return { desk, delivery, callbacks, counts };
}

function makeDesk(shelf: Shelf): Desk {
  const { clock, delivery } = shelf;
  return {
    url: shelf.url,
    random: shelf.random,
    now: () => clock.now(),
    sell: (request, order, accepted) => sell(shelf, { request, order, accepted }),
    find: (id) => {
      const found = shelf.generations.get(id);
      const isHidden = found?.fault === 'not-found-at-first' && clock.now() - found.boughtAt < HIDDEN_MS;
      return isHidden ? undefined : found;
    },
    list: () => [...shelf.generations.values()].toReversed().filter(({ fault }) => fault !== 'lost-answers-all'),
    look: (generation, options) => {
      const seen = view(shelf, generation);
      generation.looks += 1;
      if (seen.state === 'done' && options?.isStatusOnly !== true) generation.doneLooks += 1;
      return seen;
    },
    tell: (generation, answer) =>
      shiftDate(spoilLook(shelf.double, answer, generation), clock.now(), generation.createdAt - generation.boughtAt),
    isExpired: (generation) => delivery.isExpired(generation),
    cancel: (generation) => cancel(shelf, generation),
    file: (generation, index) => delivery.file(generation, index),
    bytes: (generation, index) => delivery.bytes(generation, index),
  };
}

interface Sale {
  request: DoubleRequest;
  order: Order;
  accepted: (generation: Generation) => DoubleAnswer | Promise<DoubleAnswer>;
}

async function sell(shelf: Shelf, sale: Sale): Promise<DoubleAnswer> {
  const { double, clock } = shelf;
  const { order, accepted } = sale;
  const known = order.id === undefined ? undefined : shelf.generations.get(order.id);
  if (known !== undefined) return answerStart(shelf, known, accepted);
  const script = shelf.script();
  const fate = script.next(order.prompt);
  if (fate.fault !== null && isBeforePurchase(fate.fault)) return refuseStart(double, fate.fault, clock.now());
  if (script.inFlightMax !== undefined && countUnderWay(shelf) >= script.inFlightMax) {
    return double.refuse({ kind: 'rate-limited' });
  }
  const generation = makeGeneration(shelf, order, fate);
  keep(shelf, generation);
  await shelf.ledger.add({
    at: isoInstant(generation.boughtAt),
    provider: double.id,
    id: generation.id,
    model: order.model,
    prompt: order.prompt,
    seed: order.seed,
    requestHash: createHash('sha256')
      .update(JSON.stringify([order.model, order.input]))
      .digest('hex'),
    keyLast4: sale.request.key.slice(-4),
    callbackUrl: order.callbackUrl,
    fault: generation.fault,
    costMicroUsd: generation.costMicroUsd,
  });
  shelf.callbacks?.plan(generation);
  if (generation.fault === 'p16-callback-before-answer') await shelf.callbacks?.tellEnd(generation);
  return answerStart(shelf, generation, accepted);
}

async function answerStart(shelf: Shelf, generation: Generation, accepted: Sale['accepted']): Promise<DoubleAnswer> {
  const { clock } = shelf;
  const { isSynchronous, waitMsMax = Infinity } = generation.order;
  if (isSynchronous === true) {
    const until = Math.min(generation.boughtAt + endsAfterMs(generation), clock.now() + waitMsMax);
    // One that never ends is never answered.
    if (until === Infinity) return { kind: 'hang' };
    // A timer may fire a moment before the clock says so, and the work would not be done.
    while (clock.now() < until && !shelf.closing.aborted) await clock.sleep(until - clock.now(), shelf.closing);
  }
  const answer = await spoilStart(shelf, await accepted(generation), generation);
  return shiftDate(answer, clock.now(), generation.createdAt - generation.boughtAt);
}

function makeGeneration(shelf: Shelf, order: Order, fate: Fate): Generation {
  const { fault } = fate;
  const boughtAt = shelf.clock.now();
  const ownId = order.id ?? shelf.double.newId(shelf.random);
  const id = fault === 'p6-same-id' ? (shelf.last?.id ?? ownId) : ownId;
  const durationMs = fate.durationMs ?? shelf.durationMs;
  return {
    id,
    shownId: fault === 'p6-null-id' ? null : id,
    order: { ...order, input: shorten(order.input) },
    fault,
    boughtAt,
    createdAt: boughtAt + (fault === 'p22-clock' ? HOUR_MS : 0),
    durationMs: fault === 'p7-never' ? Infinity : fault === 'p16-callback-before-answer' ? 0 : durationMs,
    costMicroUsd: order.costMicroUsd * (fault === 'p19-cost-high' ? 10 : 1),
    cancelledAfterMs: null,
    pictureBytes: fate.pictureBytes ?? null,
    looks: 0,
    doneLooks: 0,
  };
}

function keep(shelf: Shelf, generation: Generation): void {
  const { generations, underWay } = shelf;
  // Of two with the same id the first is the one that can be found.
  if (!generations.has(generation.id)) generations.set(generation.id, generation);
  underWay.add(generation);
  shelf.last = generation;
  shelf.counts.purchases += 1;
  if (shelf.counts.purchases % PRUNE_EACH === 0) countUnderWay(shelf);
  if (generations.size <= GENERATIONS_MAX) return;
  const [oldest] = generations;
  if (oldest !== undefined) {
    generations.delete(oldest[0]);
    underWay.delete(oldest[1]);
  }
}

function view(shelf: Shelf, generation: Generation): View {
  const elapsedMs = shelf.clock.now() - generation.boughtAt;
  return viewOf(generation, elapsedMs, (index) => shelf.delivery.link(generation, index));
}

function cancel(shelf: Shelf, generation: Generation): boolean {
  const elapsedMs = shelf.clock.now() - generation.boughtAt;
  if (elapsedMs >= endsAfterMs(generation)) return false;
  generation.cancelledAfterMs = elapsedMs;
  if (generation.order.callbackUrl !== null) void shelf.callbacks?.tellEnd(generation);
  return true;
}

function countUnderWay({ underWay, clock }: Shelf): number {
  for (const generation of underWay) {
    if (clock.now() - generation.boughtAt >= endsAfterMs(generation)) underWay.delete(generation);
  }
  return underWay.size;
}

function lastFew({ generations }: Shelf): Generation[] {
  return [...generations.values()].slice(-LAST_SHOWN);
}

/** Pictures inside an input are not kept: ten thousand of them would be gigabytes. */
function shorten(input: Order['input']): Order['input'] {
  const short = (value: unknown): unknown => {
    if (typeof value === 'string') return value.length > INPUT_TEXT_MAX ? `${value.slice(0, 64)}…` : value;
    return Array.isArray(value) ? value.map(short) : value;
  };
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, short(value)]));
}
