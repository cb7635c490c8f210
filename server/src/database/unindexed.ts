/**
 * A text column of a row that is named by its id already, in a form that no partial index serves. PostgreSQL takes the
 * open rows for none at all when it last counted in a quiet hour, and would then read all of them, by the index of
 * open rows, where the primary key leads to the one: a claim among 3,000 waiting jobs took ten times as long.
 */
export function unindexed(column: string): string {
  return `(${column} || '')`;
}
