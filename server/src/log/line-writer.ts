/** Collects lines and hands them on together. */
export interface LineWriter {
  write(line: string): void;
  /** Hands on what is there; for the end of the process. */
  flush(): void;
}

/**
 * Lines of one turn of the event loop become one write: a write to a pipe blocks, and one for each request was a
 * tenth of a poll. A killed process loses the lines of its last turn, which nobody has acted upon.
 */
export function createLineWriter(write: (text: string) => void): LineWriter {
  let waiting: string[] = [];
  const flush = (): void => {
    const text = waiting.join('');
    waiting = [];
    if (text !== '') write(text);
  };
  return {
    flush,
    write: (line) => {
      if (waiting.push(line) === 1) setImmediate(flush);
    },
  };
}
