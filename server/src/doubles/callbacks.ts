import type { CallbackEvent, Desk, DoubleCallback, Generation, View } from './double.ts';
import type { DueTimes } from './due-times.ts';
import type { CallbackSender } from './post-callback.ts';
import { endsAfterMs } from './view.ts';

const FIRST_WAIT_MS = 100;
const WAIT_MS_MAX = 5_000;
const DUPLICATES = 5;

/** Tells callback addresses what happens to generations. */
export interface Callbacks {
  /** Plans everything that will be told about a new generation. */
  plan(generation: Generation): void;
  /** Tells its end at once, and resolves after the first try. */
  tellEnd(generation: Generation): Promise<void>;
  counts(): { sent: number; failed: number; waiting: number };
}

/** What callbacks need. */
export interface CallbackWorld {
  callback: DoubleCallback | undefined;
  desk: Desk;
  due: DueTimes;
  sender: CallbackSender;
  /** How it stands, without counting as a look. */
  viewOf(generation: Generation): View;
  /** The id of some other generation; an unknown one when there is none. */
  otherId(generation: Generation): string;
  newId(): string;
}

/** Callbacks of one double. A message is tried again, with growing waits, until it was taken or its tries are used up. */
export function createCallbacks(world: CallbackWorld): Callbacks {
  const counts = { sent: 0, failed: 0, waiting: 0 };
  const send = async (event: CallbackEvent, tries = 1): Promise<void> => {
    const { callback, due, sender, desk } = world;
    const { callbackUrl: url, callbackMoments } = event.generation.order;
    const message =
      url === null || callbackMoments?.includes(event.moment) === false ? null : (callback?.write(event, desk) ?? null);
    if (callback === undefined || url === null || message === null) return;
    counts.waiting += 1;
    const status = await sender.post(url, message);
    counts.waiting -= 1;
    if (status !== null && status >= 200 && status < 300) counts.sent += 1;
    else if (tries >= callback.triesMax) counts.failed += 1;
    else due.add(Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 1)), () => void send(event, tries + 1));
  };
  const tell = async (generation: Generation, moment: CallbackEvent['moment']): Promise<void> => {
    const event = { moment, generation, view: world.viewOf(generation) };
    const times = generation.fault === 'p15-callback-5x' ? DUPLICATES : 1;
    await Promise.all(Array.from({ length: times }, () => send(event)));
  };
  const forge = (generation: Generation): void => {
    for (const id of [world.otherId(generation), world.newId()]) {
      const forged = { ...generation, id, shownId: id, fault: null, durationMs: 0 };
      void send({ moment: 'ended', generation: forged, view: world.viewOf(forged) });
    }
  };
  return {
    counts: () => ({ ...counts }),
    tellEnd: (generation) => tell(generation, 'ended'),
    plan: (generation) => {
      const isSilent = generation.fault === 'lost-answers-all' || generation.fault === 'p16-callback-before-answer';
      if (generation.order.callbackUrl === null || world.callback === undefined || isSilent) return;
      const endMs = endsAfterMs(generation);
      world.due.add(0, () => void tell(generation, 'started'));
      if (generation.fault === 'p18-forged-callback') world.due.add(endMs / 2, () => forge(generation));
      world.due.add(endMs, () => {
        // Whoever cancelled it was told then.
        if (generation.cancelledAfterMs === null) void tell(generation, 'ended');
      });
    },
  };
}
