import { TRICKS } from '../server/src/sandbox/magic-words.ts';
import { markdownTable, withTable } from './markdown-table.ts';

/** `docs/sandbox.md` with its table of magic words drawn anew. */
export function drawSandbox(page: string): string {
  const rows = TRICKS.map((trick) => [`\`sandbox:${trick.word}\``, trick.meaning]);
  return withTable(page, markdownTable(['word', 'what happens'], rows));
}
