import type { RouteHealth, RouteName } from './route-health.ts';

/** Pauses between looks from the moment on at which a generation may be done. */
const LOOK_MS_FIRST = 250;
const LOOK_FACTOR = 1.4;
const LOOK_MS_MAX = 1_500;
/** A generation that has taken this long is looked at less often: some more seconds are nothing to it. */
const LONG_MS = 120_000;
const LOOK_MS_MAX_LONG = 5_000;
/** Part of the expected time before which a generation is looked at for its progress alone. */
const EARLY_SHARE = 0.95;
const EARLY_MS_MAX = 15_000;
/** With less than this to go no look at the progress is worth its request. */
const EARLY_MS_MIN = 2_000;
/** Generations that are followed at the usual pace while nothing is known of their route: they tell for the others. */
const SCOUTS_MAX = 16;
/**
 * What each generation under way adds to the pause of all: looks of one process at generations that may be done stay
 * below 500 a second, those that cannot be done below 100. A look costs about a millisecond of its one core.
 */
const CROWD_MS_DUE = 2;
const CROWD_MS_EARLY = 10;
/** After so many ends in a row that a callback told, the next one is trusted to be told too. */
const TOLD_MIN = 3;
/** A callback on which one relies may be late by this, beyond the time that generations take, before a look is due. */
const TOLD_SLACK_MS = 1_500;
/** What a route has taught is heeded after this; until then a look may be far off. */
const THINK_MS = 1_500;

/** Counts what this process looks at, so that many generations at once do not drown it in looks. */
export interface LookPace {
  /** Begins to follow a generation of a route that was bought `ageMs` ago. */
  follow(route: RouteName, ageMs: number): Followed;
}

/** One generation that is followed. Ages are milliseconds since it was bought. */
export interface Followed {
  /** Milliseconds until the next look, or until this should be asked again where `isLook` is false. */
  next(ageMs: number): { waitMs: number; isLook: boolean };
  /** It was looked at and goes on. */
  looked(ageMs: number): void;
  /** It was seen to have ended: by a look that a callback had asked for, or by one of our own. */
  ended(by: 'callback' | 'look'): void;
  stop(): void;
}

interface Crowd {
  all: number;
  /** Those that may be done by now. */
  due: number;
  /** By name of the route. */
  scouts: Map<string, number>;
  /** Ends in a row that a callback told, by name of the route. */
  told: Map<string, number>;
}

/** Paces looks by what the routes' generations took so far, by who told of their ends, and by how many there are. */
export function createLookPace(health: Pick<RouteHealth, 'expectedMs'>): LookPace {
  const crowd: Crowd = { all: 0, due: 0, scouts: new Map(), told: new Map() };
  return { follow: (route, ageMs) => follow({ crowd, health }, route, ageMs) };
}

function follow(
  { crowd, health }: { crowd: Crowd; health: Pick<RouteHealth, 'expectedMs'> },
  route: RouteName,
  startMs: number,
): Followed {
  const name = `${route.provider} ${route.upstreamModel}`;
  const scouts = crowd.scouts.get(name) ?? 0;
  const isScout = scouts < SCOUTS_MAX;
  if (isScout) crowd.scouts.set(name, scouts + 1);
  crowd.all += 1;
  let isDue = false;
  let lookedMs = startMs;
  let looksDue = 0;

  const becomeDue = (): void => {
    if (isDue) return;
    isDue = true;
    crowd.due += 1;
  };
  const isTold = (): boolean => (crowd.told.get(name) ?? 0) >= TOLD_MIN;
  const dueLookMs = (ageMs: number): number => {
    const longest = ageMs > LONG_MS ? LOOK_MS_MAX_LONG : LOOK_MS_MAX;
    const growing = Math.min(longest, LOOK_MS_FIRST * LOOK_FACTOR ** looksDue);
    return Math.max(growing, crowd.due * CROWD_MS_DUE, isTold() ? TOLD_SLACK_MS : 0);
  };
  return {
    next: (ageMs) => {
      const expectedMs = health.expectedMs(route);
      if (expectedMs === null) {
        const pauseMs = isScout ? dueLookMs(ageMs) : Math.max(dueLookMs(ageMs), crowd.all * CROWD_MS_EARLY);
        const waitMs = Math.max(0, lookedMs + pauseMs - ageMs);
        return waitMs > THINK_MS && !isScout ? { waitMs: THINK_MS, isLook: false } : { waitMs, isLook: true };
      }
      const dueMs = isTold() ? expectedMs + TOLD_SLACK_MS : expectedMs * EARLY_SHARE;
      if (lookedMs < dueMs) {
        const leftMs = dueMs - ageMs;
        if (leftMs <= EARLY_MS_MIN) return { waitMs: Math.max(0, leftMs), isLook: true };
        const early = Math.max(Math.min(EARLY_MS_MAX, (dueMs - lookedMs) / 2), crowd.all * CROWD_MS_EARLY);
        return { waitMs: Math.max(0, Math.min(dueMs, lookedMs + early) - ageMs), isLook: true };
      }
      becomeDue();
      return { waitMs: Math.max(0, lookedMs + dueLookMs(ageMs) - ageMs), isLook: true };
    },
    looked: (ageMs) => {
      lookedMs = ageMs;
      looksDue += isDue || health.expectedMs(route) === null ? 1 : 0;
    },
    ended: (by) => {
      crowd.told.set(name, by === 'callback' ? (crowd.told.get(name) ?? 0) + 1 : 0);
    },
    stop: () => {
      crowd.all -= 1;
      if (isDue) crowd.due -= 1;
      if (isScout) crowd.scouts.set(name, (crowd.scouts.get(name) ?? 1) - 1);
    },
  };
}
