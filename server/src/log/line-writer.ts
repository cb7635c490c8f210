/** Collects lines and hands them on together. */
export interface LineWriter {
  write(line: string): void;
  /** Hands on what is there; for the end of the process. */
  flush(): void;
}

/** Lines wait this long at most: a person at a terminal does not see it, and a write for each line was a tenth of a poll. */
const WAIT_MS = 20;
/** What waits beyond this is handed on at once; a pipe takes 64 KiB in one go. */
const WAITING_CHARACTERS_MAX = 32_768;

/**
 * Lines that come close together become one write: a write to a file or a pipe blocks. A killed process loses the
 * lines of its last moment, which nobody has acted upon.
 */
export function createLineWriter(write: (text: string) => void): LineWriter {
  let waiting = '';
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  };
  return {
    flush,
    write: (line) => {
      waiting += line;
      if (waiting.length >= WAITING_CHARACTERS_MAX) flush();
      else timer ??= setTimeout(flush, WAIT_MS);
    },
  };
}
