import type { CheckedInput } from '../../catalog/check-input.ts';
import type { Net } from '../../core/net-port.ts';
import { refuseInput } from '../../core/refuse-input.ts';

/**
 * Every URL that a caller names must lead to the public internet, or to a file that we serve ourselves. Throws a
 * 400 that names each wrong one. Our own files are allowed as inputs only: a webhook that calls ourselves helps nobody.
 */
export function checkUrls(world: UrlWorld, input: CheckedInput): Promise<void> {
  return checkUrlList(world, input.urls);
}

interface UrlWorld {
  net: Pick<Net, 'checkUrl'>;
  publicUrl: string;
}

/** The same for addresses that stand in no request for a model. */
export async function checkUrlList({ net, publicUrl }: UrlWorld, urls: CheckedInput['urls']): Promise<void> {
  if (urls.length === 0) return;
  const details: Record<string, string[]> = {};
  await Promise.all(
    urls.map(async ({ path, url }) => {
      const isWebhook = WEBHOOK_PATHS.has(path);
      if (!isWebhook && isOwnFile(url, publicUrl)) return;
      const problem = await net.checkUrl(url, { operatorOrigins: [] });
      if (problem !== null) details[path] = [`${problem.detail} ${isWebhook ? WEBHOOK_HINT : FILE_HINT}`];
    }),
  );
  // In the order of the body, whichever look-up was the slowest.
  const ordered = urls.flatMap(({ path }) => (details[path] === undefined ? [] : [[path, details[path]] as const]));
  if (ordered.length > 0) throw refuseInput(Object.fromEntries(ordered), 'url_forbidden');
}

const WEBHOOK_PATHS: ReadonlySet<string> = new Set(['webhookUrl', 'webhook_url']);
const WEBHOOK_HINT = 'Give a public https:// address that answers POST.';
const FILE_HINT =
  'Give a public https:// address, or upload the file with POST /v2/uploads and give the URL of its answer.';

/** Compared after parsing, so that dots and backslashes in the path cannot lead out of the media path. */
function isOwnFile(text: string, publicUrl: string): boolean {
  const url = URL.parse(text);
  const own = URL.parse(`${publicUrl}/media/`);
  if (url === null || own === null) return false;
  return (
    url.origin === own.origin && url.pathname.startsWith(own.pathname) && url.username === '' && url.password === ''
  );
}
