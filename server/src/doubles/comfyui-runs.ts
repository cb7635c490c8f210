import type { ComfyuiOrder } from './comfyui-graph.ts';
import type { Desk, Generation } from './double.ts';
import { endsAfterMs } from './view.ts';

/** One run of a workflow. Several may carry the same prompt id. */
export interface ComfyuiRun {
  promptId: string;
  /** Place in the queue's count since the start. */
  number: number;
  generationId: string;
  outputs: ComfyuiOrder['outputs'];
  /** Stopped while it ran; such a run stands in the history, one that was taken out of the queue does not. */
  isInterrupted: boolean;
}

/** What one server has run since it started; nothing of it outlives the process, as on the real one [B]. */
export interface ComfyuiMemory {
  number: number;
  /** Prompt ids that a run has, or is about to have. */
  claimed: Set<string>;
  remember(run: Omit<ComfyuiRun, 'isInterrupted'>): void;
  /** Runs with this prompt id, oldest first. */
  runs(promptId: string): readonly ComfyuiRun[];
  /** Runs that have not ended, oldest first: the first one runs, the others wait. */
  live(desk: Desk): ComfyuiRun[];
  byGeneration(id: string): ComfyuiRun | undefined;
}

/** The real server forgets its oldest runs beyond this number [B]. */
const RUNS_MAX = 10_000;

const memories = new WeakMap<Desk, ComfyuiMemory>();

/** The memory of the server behind this desk. */
export function memoryOf(desk: Desk): ComfyuiMemory {
  const known = memories.get(desk);
  if (known !== undefined) return known;
  const memory = createMemory();
  memories.set(desk, memory);
  return memory;
}

function createMemory(): ComfyuiMemory {
  const claimed = new Set<string>();
  const byPrompt = new Map<string, ComfyuiRun[]>();
  const byGeneration = new Map<string, ComfyuiRun>();
  return {
    number: 0,
    claimed,
    remember: (told) => {
      const run = { ...told, isInterrupted: false };
      byGeneration.set(run.generationId, run);
      byPrompt.set(run.promptId, [...(byPrompt.get(run.promptId) ?? []), run]);
      const [oldest] = byGeneration.keys();
      if (byGeneration.size > RUNS_MAX && oldest !== undefined) {
        const { promptId = '' } = byGeneration.get(oldest) ?? {};
        byPrompt.delete(promptId);
        claimed.delete(promptId);
        byGeneration.delete(oldest);
      }
    },
    runs: (promptId) => byPrompt.get(promptId) ?? [],
    live: (desk) => [...byGeneration.values()].filter((run) => isLive(desk.find(run.generationId), desk)),
    byGeneration: (id) => byGeneration.get(id),
  };
}

function isLive(generation: Generation | undefined, desk: Desk): boolean {
  // Of a lost one nothing ever shows, in no list either.
  if (generation === undefined || generation.fault === 'lost-answers-all') return false;
  return generation.boughtAt + endsAfterMs(generation) > desk.now();
}
