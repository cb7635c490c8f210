/** Lets so many at a time do what is hard work for this machine; the others wait in line. */
export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>;
}

/** As many turns at once as `count` says. */
export function createTurns(count: number): Turns {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    take: async (work) => {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
