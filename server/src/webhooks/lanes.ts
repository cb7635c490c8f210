/** Tries at the same time to one host. */
export const HOST_LANES = 4;
/** Tries at the same time to a host that is not known to answer promptly. */
const UNPROVEN_HOST_LANES = 1;
/** Tries at the same time of one process. */
export const TRIES_AT_ONCE_MAX = 64;
/** Of these, what unproven hosts may take together: the rest is kept for receivers that answer. */
const UNPROVEN_AT_ONCE_MAX = 48;
/** A try that takes longer than this costs its host the extra lanes until it has answered promptly again. */
const PROMPT_MS = 2_000;
/** Hosts remembered as prompt; the one that answered longest ago is forgotten first and has to prove itself again. */
const PROMPT_HOSTS_MAX = 1_000;

/**
 * Shares one process's tries among hosts. Without it sixteen dead receivers with four lanes each would take all
 * sixty-four places for fifteen seconds at a time, and everybody else would wait.
 */
export interface Lanes {
  begin(host: string): void;
  end(host: string, durationMs: number): void;
  /** How many more tries may begin. */
  free(): number;
  /** Hosts that may not begin another try now; at most `TRIES_AT_ONCE_MAX`. */
  busyHosts(): string[];
  /** When unproven hosts have taken their share: the hosts that may still begin, at most `TRIES_AT_ONCE_MAX`. */
  onlyHosts(): string[] | null;
  /** The candidates that may begin together now, in their order. Changes nothing. */
  choose<T extends { host: string }>(candidates: readonly T[]): T[];
}

/** Lanes of one process, all free; what it learns about hosts is lost with the process. */
export function createLanes(): Lanes {
  const inFlight = new Map<string, number>();
  const prompt = new Set<string>();
  const lanesOf = (host: string): number => (prompt.has(host) ? HOST_LANES : UNPROVEN_HOST_LANES);
  const isBusy = (host: string): boolean => (inFlight.get(host) ?? 0) >= lanesOf(host);
  const taken = (counts: (host: string) => boolean): number =>
    [...inFlight].reduce((sum, [host, tries]) => sum + (counts(host) ? tries : 0), 0);
  const free = (): number => TRIES_AT_ONCE_MAX - taken(() => true);
  const unprovenFree = (): number => UNPROVEN_AT_ONCE_MAX - taken((host) => !prompt.has(host));

  return {
    begin: (host) => {
      inFlight.set(host, (inFlight.get(host) ?? 0) + 1);
    },
    end: (host, durationMs) => {
      const left = (inFlight.get(host) ?? 0) - 1;
      if (left > 0) inFlight.set(host, left);
      else inFlight.delete(host);
      remember(prompt, host, durationMs <= PROMPT_MS);
    },
    free,
    busyHosts: () => [...inFlight.keys()].filter(isBusy),
    onlyHosts: () => {
      if (unprovenFree() > 0) return null;
      return [...prompt].filter((host) => !isBusy(host)).slice(-TRIES_AT_ONCE_MAX);
    },
    choose: (candidates) => {
      const chosen = new Map<string, number>();
      let places = free();
      let unprovenPlaces = unprovenFree();
      return candidates.filter(({ host }) => {
        const own = chosen.get(host) ?? 0;
        const isProven = prompt.has(host);
        if (places <= 0 || (!isProven && unprovenPlaces <= 0)) return false;
        if ((inFlight.get(host) ?? 0) + own >= lanesOf(host)) return false;
        chosen.set(host, own + 1);
        places -= 1;
        if (!isProven) unprovenPlaces -= 1;
        return true;
      });
    },
  };
}

function remember(prompt: Set<string>, host: string, isPrompt: boolean): void {
  // Deleting first moves a host that is already there to the end, where the newest are.
  prompt.delete(host);
  if (!isPrompt) return;
  prompt.add(host);
  if (prompt.size <= PROMPT_HOSTS_MAX) return;
  const [oldest] = prompt;
  if (oldest !== undefined) prompt.delete(oldest);
}
