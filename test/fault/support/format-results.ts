import type { ScenarioResult } from './scenario.ts';

/** The results of all scenarios as a table, with the slowest resumption below. */
export function formatResults(results: readonly ScenarioResult[]): string {
  const rows = results.map((result) => [
    result.engine,
    result.blow,
    result.exit.signal ?? `exit ${result.exit.code}`,
    Object.entries(result.told)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', '),
    String(result.orphans),
    result.resumedMs === null ? '-' : String(Math.round(result.resumedMs)),
    result.findings.length === 0 ? 'all promises held' : `${result.findings.length} BROKEN`,
  ]);
  const table = [['engine', 'ended at', 'by', 'clients were told', 'orphans', 'resumed ms', 'outcome'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const slowest = Math.max(0, ...results.map((result) => result.resumedMs ?? 0));
  return [...lines, `${results.length} scenarios; the slowest resumption took ${Math.round(slowest)} ms`].join('\n');
}
