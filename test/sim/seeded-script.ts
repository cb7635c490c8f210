import type { Coverage, Place } from './coverage.ts';
import type { Dice } from './seeded-random.ts';
import { EPISODES, type Course, type Episode, type LookFault, type StartFault } from './sim-faults.ts';
import { SIM_PROVIDERS, type SimProviderId } from './sim-providers.ts';
import type { Script } from './sim-upstream.ts';

const START_WEIGHTS: Record<StartFault, number> = {
  accept: 52,
  'accept-done': 5,
  slow: 3,
  'reset-before': 3,
  'reset-after': 6,
  'timeout-before': 2,
  'timeout-after': 3,
  'rate-limited': 3,
  'rate-limited-bare': 2,
  'rate-limited-by-date': 2,
  'rate-limited-for-ages': 2,
  'input-rejected': 2,
  'content-refused': 3,
  quota: 1,
  unauthorized: 1,
  retired: 1,
  unavailable: 4,
  'error-after': 3,
  'error-before': 2,
  'connection-refused': 2,
  'name-unresolved': 1,
  'tls-failed': 1,
  'unreadable-after': 1,
  'empty-after': 1,
  'cut-after': 1,
  'wrong-shape-after': 1,
  'null-id-after': 1,
  'same-id-after': 3,
};

const COURSE_WEIGHTS: Record<Course, number> = {
  plain: 50,
  never: 4,
  'refused-late': 4,
  'overloaded-late': 5,
  'progress-falls': 4,
  'failed-after-success': 3,
  'unknown-status': 2,
  dearer: 3,
  'no-output': 2,
  'more-outputs': 3,
  'small-file': 5,
  'cut-file': 2,
  'empty-file': 2,
  'huge-file': 1,
  'bomb-file': 1,
  'wrong-type': 2,
  'file-missing': 1,
  'file-redirected': 1,
  'link-expires': 3,
  'file-drips': 1,
  'download-reset-once': 3,
  'download-hangs': 2,
};
/** What can go wrong with a file that comes inside its answer. */
const SYNCHRONOUS_WEIGHTS = { plain: 10, 'small-file': 3, 'more-outputs': 2, 'no-output': 1, 'cut-file': 1, dearer: 1 };

const LOOK_WEIGHTS: Record<LookFault, number> = {
  answer: 47,
  error: 3,
  'rate-limited': 3,
  lost: 1,
  refused: 2,
  unreadable: 1,
  slow: 0.5,
};

/** How often a favoured fault comes. */
const FAVOUR = 0.4;
/** Starts after which jobs stand in a place for a while. */
const LEADS_TO: Partial<Record<Place, readonly StartFault[]>> = {
  REJECTED: ['unavailable', 'rate-limited'],
  AMBIGUOUS: ['reset-after', 'empty-after'],
};

const EPISODE_FAULTS: Record<Episode, readonly [StartFault, ...StartFault[]]> = {
  storm: ['rate-limited-bare', 'rate-limited', 'rate-limited-by-date'],
  'answers-lost': ['reset-after', 'reset-before', 'timeout-after'],
  'out-of-money': ['quota'],
  down: ['unavailable', 'error-before', 'connection-refused'],
};

/** Draws each fault from the seed, until `calm`; from then on providers are at their best. */
export function seededScript(parts: {
  dice: Dice;
  coverage: Coverage;
  now: () => number;
  /** How long the time of faults lasts. */
  faultsMs: number;
  /** Places in which the history wants to see jobs stand more often than chance would have it. */
  favoured: readonly Place[];
}): Script & { calm(): void } {
  const { dice, coverage } = parts;
  let isCalm = false;
  const drawn = <T extends string>(what: string, value: T): T => {
    coverage.count(`${what} ${value}`);
    return value;
  };
  const episodes = drawEpisodes(parts);
  const episodeFault = (provider: SimProviderId): StartFault | null => {
    const now = parts.now();
    const episode = episodes.find((one) => one.provider === provider && one.from <= now && now < one.until);
    if (episode === undefined) return null;
    return drawn('start', dice.pick(EPISODE_FAULTS[drawn('episode', episode.kind)]));
  };
  const favouredStart = (): StartFault | null => {
    const places = parts.favoured.flatMap((place) => LEADS_TO[place] ?? []);
    const [first, ...others] = places;
    return first === undefined || !dice.chance(FAVOUR) ? null : dice.pick([first, ...others]);
  };
  return {
    start: (provider) =>
      isCalm ? 'accept' : (episodeFault(provider) ?? drawn('start', favouredStart() ?? dice.weighted(START_WEIGHTS))),
    course: (provider) => {
      if (isCalm) return 'plain';
      if (parts.favoured.includes('DONE') && !isSynchronous(provider) && dice.chance(FAVOUR))
        return drawn('course', 'overloaded-late');
      const weights: Partial<Record<Course, number>> = isSynchronous(provider) ? SYNCHRONOUS_WEIGHTS : COURSE_WEIGHTS;
      // Safe: the keys of both tables are courses.
      return drawn('course', dice.weighted(weights as Record<Course, number>));
    },
    durationMs: () => dice.between(200, dice.chance(0.2) ? 40_000 : 6_000),
    latencyMs: () => dice.between(2, 250),
    look: () => (isCalm ? 'answer' : drawn('look', dice.weighted(LOOK_WEIGHTS))),
    listLagMs: () => dice.between(0, 20_000),
    lookalikes: () => dice.between(0, 2),
    calm: () => {
      isCalm = true;
    },
  };
}

function isSynchronous(provider: SimProviderId): boolean {
  return SIM_PROVIDERS[provider].isSynchronous;
}

interface EpisodeOfProvider {
  provider: SimProviderId;
  kind: Episode;
  /** UTC milliseconds. */
  from: number;
  until: number;
}

function drawEpisodes(parts: { dice: Dice; now: () => number; faultsMs: number }): EpisodeOfProvider[] {
  const { dice } = parts;
  const startAt = parts.now();
  // Safe: these are the keys of SIM_PROVIDERS.
  const providers = Object.keys(SIM_PROVIDERS) as SimProviderId[];
  return providers.flatMap((provider) => {
    if (!dice.chance(0.4)) return [];
    const from = startAt + dice.between(0, parts.faultsMs);
    return [{ provider, kind: dice.pick(EPISODES), from, until: from + dice.between(10_000, 60_000) }];
  });
}
