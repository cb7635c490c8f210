/** Work of which so much may go on at once for each name; what is beyond waits its turn. */
export interface Slots {
  /** Runs `work` once there is room. Nothing else holds it up, and what it throws is thrown on. */
  within<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Lets in everybody who waits or comes later: nobody is to be held up any more. */
  lift(): void;
}

interface Line {
  running: number;
  waiting: (() => void)[];
}

/** Room for `max` at once under each name; who came first goes first. */
export function createSlots(max: number): Slots {
  const lines = new Map<string, Line>();
  let isLifted = false;
  return {
    within: async (name, work) => {
      const line = lines.get(name) ?? { running: 0, waiting: [] };
      lines.set(name, line);
      if (line.running < max || isLifted) line.running += 1;
      // Whoever leaves hands over the room, so that the count stays.
      else await new Promise<void>((enter) => line.waiting.push(enter));
      try {
        return await work();
      } finally {
        const next = line.waiting.shift();
        if (next === undefined) line.running -= 1;
        else next();
        if (line.running === 0) lines.delete(name);
      }
    },
    lift: () => {
      isLifted = true;
      for (const line of lines.values()) {
        line.running += line.waiting.length;
        for (const enter of line.waiting.splice(0)) enter();
      }
    },
  };
}
