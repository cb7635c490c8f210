import { BENCH_KEY, type Target } from './processes.ts';

/** A job as far as the bench reads it. */
export interface SeenJob {
  id: string;
  status: string;
}

/** Talks to a gateway as its callers do. */
export interface GatewayClient {
  /** Resolves with the job's id when the 202 has been read. */
  submit(): Promise<string>;
  /** Resolves when the job has ended; throws for every other end than COMPLETED. */
  untilCompleted(jobId: string): Promise<void>;
  /** The body of `GET /v2/jobs/{id}` as it is on the wire. */
  readJobText(jobId: string): Promise<string>;
}

const BODY = JSON.stringify({
  model: 'flux-1.1-pro',
  prompt: 'a lighthouse at dusk',
  fluxParams: { output_format: 'jpg', seed: 42 },
});

export function gatewayClient({ port }: Pick<Target, 'port'>): GatewayClient {
  const base = `http://127.0.0.1:${port}`;
  const get = async (path: string): Promise<string> =>
    textOf(await fetch(base + path, { headers: { 'x-api-key': BENCH_KEY } }));
  return {
    submit: async () => {
      const headers = { 'x-api-key': BENCH_KEY, 'content-type': 'application/json' };
      const text = await textOf(await fetch(`${base}/v2/images/generate`, { method: 'POST', headers, body: BODY }));
      // Safe: the answer of a 202 by the contract.
      return (JSON.parse(text) as { jobId: string }).jobId;
    },
    untilCompleted: async (jobId) => {
      // Safe: the answer of a 200 by the contract.
      const job = JSON.parse(await get(`/v2/jobs/${jobId}?wait=30`)) as SeenJob;
      if (job.status !== 'COMPLETED') throw new Error(`the job ended as ${job.status}: ${JSON.stringify(job)}`);
    },
    readJobText: (jobId) => get(`/v2/jobs/${jobId}`),
  };
}

async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${text.slice(0, 300)}`);
  return text;
}
