/** The value in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** The smallest value that `percent` of all values do not exceed; NaN for none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1);
  return sorted[at] ?? Number.NaN;
}

/** For each round ours by the baseline's, since only rounds that stood beside each other may be compared; then the median. */
export function ratio(ours: readonly number[], baseline: readonly number[]): number {
  return median(ours.map((value, round) => value / (baseline[round] ?? Number.NaN)));
}

/** The order of the targets in one round, turned by one place each time, so that no target is always the first. */
export function turned<T>(targets: readonly T[], round: number): T[] {
  const start = round % Math.max(1, targets.length);
  return [...targets.slice(start), ...targets.slice(0, start)];
}
