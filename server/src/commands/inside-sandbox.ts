import type { DownloadResult, ExchangeResult } from '../core/net-port.ts';
import type { ProviderRequest } from '../core/provider.ts';
import type { SandboxService } from '../sandbox/sandbox-service.ts';

/** Hands a request to the sandbox of this process, as if it had gone over the network. */
export async function exchangeInside(
  sandbox: SandboxService,
  call: { request: ProviderRequest; base: string; onSending: (() => void) | undefined; signal: AbortSignal },
): Promise<ExchangeResult> {
  const { request, base, onSending, signal } = call;
  onSending?.();
  if (signal.aborted) return { kind: 'refused', reason: 'aborted', detail: 'the request was withdrawn' };
  const path = request.url.slice(base.length);
  const answer = await sandbox.handle({ method: request.method, path, base, body: request.body });
  if (answer.kind === 'lost') return { kind: 'lost', reason: 'reset', detail: 'the connection was reset' };
  return {
    kind: 'answer',
    status: answer.status,
    headers: answer.headers,
    body: Buffer.from(answer.body),
    truncated: false,
  };
}

/** Hands out a file of the sandbox of this process. */
export async function downloadInside(
  sandbox: SandboxService,
  file: { url: string; sink: (chunk: Uint8Array) => Promise<void> | void },
): Promise<DownloadResult> {
  const found = await sandbox.file(new URL(file.url).pathname);
  if (found === null) return { kind: 'failed', reason: 'status', status: 404, detail: 'no such file' };
  await file.sink(found.bytes);
  return {
    kind: 'done',
    sizeBytes: found.bytes.length,
    headers: { 'content-type': found.contentType },
    finalUrl: file.url,
  };
}
