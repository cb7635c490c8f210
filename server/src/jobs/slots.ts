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

/** Room for `max()` at once under each name, at least one, asked anew as each comes or leaves; who came first goes first. */
export function createSlots(max: () => number): Slots {
  const lines = new Map<string, Line>();
  let isLifted = false;
  const admit = (line: Line): void => {
    const room = isLifted ? Infinity : max();
    while (line.running < room && line.waiting.length > 0) {
      line.running += 1;
      line.waiting.shift()?.();
    }
  };
  return {
    within: async (name, work) => {
      const line = lines.get(name) ?? { running: 0, waiting: [] };
      lines.set(name, line);
      await new Promise<void>((enter) => {
        line.waiting.push(enter);
        admit(line);
      });
      try {
        return await work();
      } finally {
        line.running -= 1;
        admit(line);
        if (line.running === 0) lines.delete(name);
      }
    },
    lift: () => {
      isLifted = true;
      for (const line of lines.values()) admit(line);
    },
  };
}
