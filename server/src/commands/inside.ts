import type { InsideProvider } from '../core/inside-port.ts';
import type { DownloadResult, ExchangeResult } from '../core/net-port.ts';
import type { ProviderRequest } from '../core/provider.ts';

/** Hands a request to a provider inside this process, as if it had gone over the network. */
export async function exchangeInside(
  inside: InsideProvider,
  call: { request: ProviderRequest; base: string; onSending: (() => void) | undefined; signal: AbortSignal },
): Promise<ExchangeResult> {
  const { request, base, onSending, signal } = call;
  onSending?.();
  if (signal.aborted) return { kind: 'refused', reason: 'aborted', detail: 'the request was withdrawn' };
  const path = request.url.slice(base.length);
  const answer = await inside.handle({ method: request.method, path, base, body: request.body });
  if (answer.kind === 'lost') return { kind: 'lost', reason: 'reset', detail: 'the connection was reset' };
  return {
    kind: 'answer',
    status: answer.status,
    headers: answer.headers,
    body: Buffer.from(answer.body),
    truncated: false,
  };
}

/** Hands out a file of a provider inside this process. */
export async function downloadInside(
  inside: InsideProvider,
  file: { url: string; sink: (chunk: Uint8Array) => Promise<void> | void },
): Promise<DownloadResult> {
  const found = await inside.file(new URL(file.url).pathname);
  if (found === null) return { kind: 'failed', reason: 'status', status: 404, detail: 'no such file' };
  await file.sink(found.bytes);
  return {
    kind: 'done',
    sizeBytes: found.bytes.length,
    headers: { 'content-type': found.contentType },
    finalUrl: file.url,
  };
}
