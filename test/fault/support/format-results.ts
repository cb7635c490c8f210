import type { ScenarioResult } from './scenario.ts';

/** The results as a table by provider, engine and signal, with what was not as promised and the slowest resumption below. */
export function formatResults(results: readonly ScenarioResult[]): string {
  const groups = Map.groupBy(results, ({ provider, engine, signal }) => `${provider} ${engine} ${signal}`);
  const rows = [...groups.keys()].toSorted().map((name) => [...name.split(' '), ...summarise(groups.get(name) ?? [])]);
  const head = [
    'provider',
    'engine',
    'by',
    'scenarios',
    'findings',
    'orphans',
    'bought',
    'given up',
    'resumed ms',
    's',
  ];
  const bad = results
    .filter(({ findings }) => findings.length > 0)
    .map(
      ({ provider, engine, signal, blow, findings }) => `${provider} ${engine} ${signal} ${blow}: ${findings.length}`,
    );
  const slowest = slowestOf(results);
  return [
    ...alignColumns([head, ...rows]),
    ...bad.map((text) => `BROKEN ${text}`),
    `${results.length} scenarios; the slowest resumption took ${slowest} ms`,
  ].join('\n');
}

function summarise(group: readonly ScenarioResult[]): string[] {
  const sum = (count: (result: ScenarioResult) => number): number =>
    group.reduce((total, result) => total + count(result), 0);
  return [
    group.length,
    sum(({ findings }) => findings.length),
    sum(({ orphans }) => orphans),
    sum(({ bought }) => bought),
    sum(({ writtenOff }) => writtenOff),
    slowestOf(group),
    Math.round(sum(({ tookMs }) => tookMs) / 1000),
  ].map(String);
}

function slowestOf(results: readonly ScenarioResult[]): number {
  return Math.round(Math.max(0, ...results.map(({ resumedMs }) => resumedMs ?? 0)));
}

function alignColumns(table: string[][]): string[] {
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
