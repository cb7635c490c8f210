import { SETTINGS } from '../server/src/core/settings-table.ts';
import { markdownTable, withTable } from './markdown-table.ts';

/** `docs/settings.md` with its table drawn anew from the settings that the server reads. */
export function drawSettings(page: string): string {
  const rows = SETTINGS.map((setting) => [`\`${setting.name}\``, setting.default, setting.meaning]);
  return withTable(page, markdownTable(['setting', 'default', 'meaning'], rows));
}
