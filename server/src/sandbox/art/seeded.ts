/** A 32-bit FNV-1a hash of a text: the same text gives the same number on every machine. */
export function hashText(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 16777619);
  }
  return hash >>> 0;
}

/** A repeatable stream of numbers in [0, 1) (mulberry32). Never for secrets: it is here so that pictures repeat. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** One of the choices, by a number in [0, 1). */
export function pick<T>(choices: readonly T[], fraction: number): T {
  const choice = choices[Math.floor(fraction * choices.length)];
  if (choice === undefined) throw new RangeError('there is nothing to pick from');
  return choice;
}
