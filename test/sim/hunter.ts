import type { Row } from '../../server/src/database/database.ts';
import type { Chaos } from './chaos.ts';
import { KNOCKS, type Clients, type KnockEvent } from './clients.ts';
import { CELLS, placeOf, type Cell, type Coverage, type Place, type SimEvent, type StandingRow } from './coverage.ts';
import type { SimStore } from './sim-store.ts';
import type { SimProcess } from './sim-process.ts';
import { DOOR_POINTS, TRAPS, type Trap } from './traps.ts';

/** Lets rare things happen on purpose: each seed has two cells of the coverage table and one trap to hit. */
export interface Hunter {
  /** To be called after each change of the store: fires when a job stands where it is wanted. */
  look(): Promise<void>;
}

/** Events fired at one cell in one history; more would leave little of the history to chance. */
const SHOTS_MAX = 2;
/** Jobs pass these places without a moment's rest: the worker is made to pause there. */
const PAUSE_AT: Partial<Record<Place, 'C8' | 'C9'>> = { unbought: 'C8', INTENT: 'C9' };

const STANDING = `
SELECT jobs.id, status, lease_owner, (SELECT state FROM attempts WHERE job_id = jobs.id ORDER BY number DESC LIMIT 1) AS state
FROM jobs ORDER BY jobs.created_at DESC, jobs.id DESC`;

type Prey = StandingRow & Row & { id: string };

/** Jobs stand behind a finished purchase for a moment only: these cells are tried for twice as often. */
const TARGETS: readonly Cell[] = [...CELLS, ...CELLS.filter(({ place }) => place === 'DONE')];

/** Two cells for each seed; any 80 seeds in a row try for all of them. */
export function targetsOf(seed: number): Cell[] {
  const half = Math.floor(TARGETS.length / 2);
  return [TARGETS[seed % TARGETS.length], TARGETS[(seed + half) % TARGETS.length]].filter((cell) => cell !== undefined);
}

/** The trap that is set in the history of this seed until it has sprung. */
export function trapOf(seed: number): Trap | undefined {
  return TRAPS[seed % TRAPS.length];
}

export function createHunter(parts: {
  targets: readonly Cell[];
  trap: Trap | undefined;
  coverage: Coverage;
  store: SimStore;
  chaos: Chaos;
  clients: Clients;
  log: (line: string) => void;
  isFaulty: () => boolean;
}): Hunter {
  const { store, chaos, clients, log } = parts;
  const hunts = parts.targets.map((cell) => ({ cell, shots: 0 }));

  const holderOf = (prey: Prey): SimProcess | undefined => {
    const { lease_owner: owner } = prey;
    const workers = chaos.workers().filter((worker) => worker.state() !== 'dead');
    return owner === null ? workers[0] : workers.find((worker) => worker.owns(owner));
  };
  /** False when this job cannot be met by the event. */
  const fire = async ({ event }: Cell, prey: Prey): Promise<boolean> => {
    if (isKnock(event)) return clients.knock(event, prey.id);
    const holder = holderOf(prey);
    if (holder === undefined || (event === 'pause' && holder.state() === 'paused')) return false;
    log(`hunted: ${event} while ${prey.id} is ${placeOf(prey)}`);
    void chaos.befall(holder, event);
    return true;
  };
  const arm = (place: Place): void => {
    const point = PAUSE_AT[place];
    if (point === undefined) return;
    for (const worker of chaos.workers()) if (worker.state() === 'running') worker.setTrap({ point, does: 'pause' });
  };

  const setTrap = (): void => {
    const { trap, coverage } = parts;
    if (trap === undefined || coverage.counts[`trap ${trap.does} at ${trap.point}`] !== undefined) return;
    const isOfDoor = DOOR_POINTS.some((point) => point === trap.point);
    for (const process of isOfDoor ? [chaos.door()] : chaos.workers()) {
      if (process?.state() === 'running') process.setTrap(trap);
    }
  };

  return {
    look: async () => {
      if (!parts.isFaulty()) return;
      const open = hunts.filter((hunt) => hunt.shots < SHOTS_MAX);
      if (open.every(({ cell }) => PAUSE_AT[cell.place] === undefined)) setTrap();
      if (open.length === 0) return;
      const jobs = await store.database.query<Prey>(STANDING);
      for (const hunt of open) {
        arm(hunt.cell.place);
        for (const prey of jobs.filter((job) => placeOf(job) === hunt.cell.place)) {
          if (!(await fire(hunt.cell, prey))) continue;
          hunt.shots += 1;
          break;
        }
      }
    },
  };
}

function isKnock(event: SimEvent): event is KnockEvent {
  return KNOCKS.some((knock) => knock === event);
}
