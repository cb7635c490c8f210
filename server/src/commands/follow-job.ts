import { z } from 'zod';

import { CommandProblem, type Output } from './output.ts';

/** Longest time for one picture, provider included. */
const JOB_MS_MAX = 10 * 60_000;

const accepted = z.object({ jobId: z.string() });
const finished = z.object({
  id: z.string(),
  status: z.string(),
  error: z.string().nullable(),
  creditCost: z.number().nullable(),
  provider: z.string().nullable(),
  sandbox: z.boolean(),
  result: z.object({ images: z.array(z.string()).min(1) }).nullish(),
});
const step = z.object({ kind: z.string(), at: z.union([z.string(), z.number()]) }).catchall(z.unknown());

/** Submits a job over HTTP as any caller would, prints each step of its stream with its time, and returns the result. */
export async function followJob(
  output: Output,
  request: { url: string; key: string; model: string; prompt: string },
): Promise<{ id: string; provider: string; sandbox: boolean; imageUrl: string }> {
  const headers = { 'X-API-Key': request.key, 'Content-Type': 'application/json' };
  const startedMs = performance.now();
  const submitted = await fetch(`${request.url}/v2/images/generate`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: request.model, prompt: request.prompt, fluxParams: { aspect_ratio: '16:9' } }),
  });
  if (submitted.status !== 202) throw new CommandProblem(`The request was refused: ${await submitted.text()}`);
  const { jobId } = accepted.parse(await submitted.json());
  line(output, startedMs, '202', `job ${jobId}`);
  const stream = await fetch(`${request.url}/v2/jobs/${jobId}/events`, {
    headers,
    signal: AbortSignal.timeout(JOB_MS_MAX),
  });
  for await (const message of serverSentEvents(stream)) {
    if (message.event === 'timeline') tellStep(output, startedMs, step.parse(JSON.parse(message.data)));
  }
  const job = finished.parse(await (await fetch(`${request.url}/v2/jobs/${jobId}`, { headers })).json());
  const imageUrl = job.result?.images[0];
  if (job.status !== 'COMPLETED' || imageUrl === undefined) {
    throw new CommandProblem(`The job ended as ${job.status}: ${job.error ?? 'no reason given'}. Nothing was charged.`);
  }
  return { id: job.id, provider: job.provider ?? 'unknown', sandbox: job.sandbox, imageUrl };
}

function tellStep(output: Output, startedMs: number, happened: z.infer<typeof step>): void {
  const { kind } = happened;
  const text: Record<string, () => void> = {
    accepted: () => {
      line(output, startedMs, 'accepted', 'the job is stored');
      line(output, startedMs, 'held', `${String(happened['creditsHeld'])} credits are reserved`);
    },
    sent: () =>
      line(output, startedMs, 'sent', `to ${String(happened['provider'])}, try ${String(happened['attempt'])}`),
    taken: () => line(output, startedMs, 'taken', `${String(happened['provider'])} works on it`),
    ready: () => line(output, startedMs, 'ready', 'the provider is done'),
    stored: () => line(output, startedMs, 'stored', 'the picture is checked and kept here'),
    completed: () => line(output, startedMs, 'charged', `${String(happened['creditsCharged'])} credits`),
    failed: () => line(output, startedMs, 'failed', `${String(happened['error'])}; nothing is charged`),
  };
  const tell = text[kind] ?? ((): void => line(output, startedMs, kind, ''));
  tell();
}

function line(output: Output, startedMs: number, word: string, text: string): void {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(2).padStart(6);
  const shown = output.isTerminal ? `\u001B[1m${word.padEnd(9)}\u001B[0m` : word.padEnd(9);
  output.say(`${seconds} s  ${shown} ${text}`);
}

/** The messages of a text/event-stream body. */
async function* serverSentEvents(response: Response): AsyncIterable<{ event: string; data: string }> {
  if (response.body === null) return;
  let buffered = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    buffered += chunk;
    const messages = buffered.split('\n\n');
    buffered = messages.pop() ?? '';
    for (const message of messages) {
      const field = (name: string): string =>
        message
          .split('\n')
          .filter((text) => text.startsWith(`${name}:`))
          .map((text) => text.slice(name.length + 1).trim())
          .join('\n');
      if (field('data') !== '') yield { event: field('event'), data: field('data') };
    }
  }
}
