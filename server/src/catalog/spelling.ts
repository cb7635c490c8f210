/** Longer texts are cut before they are compared, so that a hostile name costs no time. */
const LENGTH_MAX = 64;

/** How many letters to change, leave out, add or swap with their neighbour make one text the other. */
export function spellingDistance(from: string, to: string): number {
  const a = from.slice(0, LENGTH_MAX);
  const b = to.slice(0, LENGTH_MAX);
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

/** The candidate that `text` was most likely meant to be, or null when none is near. The first of equals wins. */
export function nearestName(text: string, candidates: Iterable<string>): string | null {
  const wanted = plain(text);
  if (wanted === '') return null;
  let best: { name: string; distance: number } | null = null;
  for (const name of candidates) {
    const distance = spellingDistance(wanted, plain(name));
    // A third of the letters may be wrong; beyond that a suggestion confuses more than it helps.
    const isNear = distance <= Math.max(1, Math.floor(Math.max(wanted.length, plain(name).length) / 3));
    if (isNear && (best === null || distance < best.distance)) best = { name, distance };
  }
  return best?.name ?? null;
}

/** Without case and punctuation, which people get wrong most often: `aspectRatio` is `aspect_ratio`. */
function plain(name: string): string {
  return name
    .slice(0, LENGTH_MAX)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
