import { setTimeout as sleep } from 'node:timers/promises';

/** What one request to submit was told. `unreached`: surely no byte arrived; `unknown`: it may have acted. */
export type Told =
  | { kind: 'acknowledged'; jobId: string; replayed: boolean }
  | { kind: 'refused'; status: number; retryAfter: string | null }
  | { kind: 'unknown'; reason: string }
  | { kind: 'unreached' };

/** What a look at a job showed: its status, or the HTTP status of an answer that is not 200. */
export interface Look {
  jobId: string;
  saw: string;
}

/** One job that one client wants, and everything the client was told about it. */
export interface ClientHistory {
  /** Stands in the prompt, so that job, purchase and webhook can be traced to the client. */
  tag: string;
  key: string | null;
  expected: 'COMPLETED' | 'FAILED';
  events: readonly ('progress' | 'completed' | 'failed')[];
  told: Told[];
  looks: Look[];
}

/** A client that has not asked yet; it wants a picture, without key and webhook unless the facts say otherwise. */
export function newClient(tag: string, facts: Partial<ClientHistory>): ClientHistory {
  return { tag, key: null, expected: 'COMPLETED', events: [], told: [], looks: [], ...facts };
}

/** What a client sends and to whom. */
export interface ClientOptions {
  /** The gateway's address now; it changes with a restart. */
  url(): string;
  apiKey: string;
  webhookUrl: string;
  /** What is asked for beside the prompt; a small picture of the sandbox's unless said otherwise. */
  order?: Readonly<Record<string, unknown>>;
}

const SMALL_PICTURE = { model: 'flux-2-dev', fluxParams: { width: 256, height: 256 } };
/** The sandbox refuses a prompt with these words; a double's script can do the same. */
export const REFUSED_WORDS = 'sandbox:refuse';

const REQUEST_MS_MAX = 70_000;
const FINAL = new Set(['COMPLETED', 'FAILED', 'CANCELLED']);

/** The job that the client was promised, or null. */
export function acknowledgedJob(client: ClientHistory): string | null {
  for (const told of client.told) if (told.kind === 'acknowledged') return told.jobId;
  return null;
}

/** Submits once and writes down what came of it. */
export async function submit(client: ClientHistory, options: ClientOptions): Promise<Told> {
  const told = await trySubmit(client, options);
  client.told.push(told);
  return told;
}

async function trySubmit(client: ClientHistory, options: ClientOptions): Promise<Told> {
  const trick = client.expected === 'FAILED' ? ` ${REFUSED_WORDS}` : '';
  const body = {
    ...(options.order ?? SMALL_PICTURE),
    prompt: `a lighthouse ${client.tag}${trick}`,
    ...(client.events.length === 0 ? {} : { webhookUrl: options.webhookUrl, webhookEvents: client.events }),
  };
  try {
    const response = await fetch(`${options.url()}/v2/images/generate`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-api-key': options.apiKey,
        ...(client.key === null ? {} : { 'idempotency-key': client.key }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
    const text = await response.text();
    if (response.status !== 202) {
      return { kind: 'refused', status: response.status, retryAfter: response.headers.get('retry-after') };
    }
    // Safe: a whole 202 has this shape; a missing id would be found as a lost job.
    const { jobId } = JSON.parse(text) as { jobId: string };
    return { kind: 'acknowledged', jobId, replayed: response.headers.get('idempotent-replayed') === 'true' };
  } catch (error) {
    const reason = reasonOf(error);
    return reason === 'ECONNREFUSED' ? { kind: 'unreached' } : { kind: 'unknown', reason };
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : String(error);
}

/** Looks at the job until it has ended or `isOver` says so; waits at the server for at most `waitSeconds` a time. */
export async function followJob(
  client: ClientHistory,
  options: ClientOptions,
  { waitSeconds, isOver }: { waitSeconds: number; isOver(): boolean },
): Promise<string | null> {
  const jobId = acknowledgedJob(client);
  if (jobId === null) return null;
  while (!isOver()) {
    const saw = await look(
      `${options.url()}/v2/jobs/${jobId}${waitSeconds > 0 ? `?wait=${waitSeconds}` : ''}`,
      options,
    );
    if (saw !== null) {
      client.looks.push({ jobId, saw });
      if (FINAL.has(saw)) return saw;
    }
    await sleep(50);
  }
  return null;
}

async function look(url: string, { apiKey }: ClientOptions): Promise<string | null> {
  try {
    const response = await fetch(url, {
      headers: { 'x-api-key': apiKey },
      signal: AbortSignal.timeout(REQUEST_MS_MAX),
    });
    const text = await response.text();
    // Safe: the contract's job; a missing status fails the checker's comparison.
    return response.status === 200 ? (JSON.parse(text) as { status: string }).status : String(response.status);
  } catch {
    // The server is gone or going: a look that was not answered tells nothing.
    return null;
  }
}

/** Clients with a key ask again, all follow what they were promised, everything comes to rest; then they ask once more. */
export async function askAgainAndRest(
  clients: readonly ClientHistory[],
  options: ClientOptions,
  { msMax }: { msMax: number },
): Promise<void> {
  const until = Date.now() + msMax;
  const isOver = (): boolean => Date.now() > until;
  await Promise.all(
    clients.map(async (client) => {
      if (client.key !== null) await submit(client, options);
      await followJob(client, options, { waitSeconds: 20, isOver });
    }),
  );
  while (!isOver()) {
    const jobs = await listJobs(options);
    if (jobs?.every((job) => FINAL.has(job.status) && job.webhookStatus !== 'pending')) break;
    await sleep(100);
  }
  for (const client of clients) if (client.key !== null) await submit(client, options);
}

/** Every job of the team as the list shows it, at most 100; null while the server does not answer. */
async function listJobs(
  options: ClientOptions,
): Promise<{ id: string; status: string; webhookStatus: string | null }[] | null> {
  try {
    const response = await fetch(`${options.url()}/v2/jobs?limit=100`, { headers: { 'x-api-key': options.apiKey } });
    if (response.status !== 200) return null;
    // Safe: the contract's page of jobs.
    return ((await response.json()) as { jobs: { id: string; status: string; webhookStatus: string | null }[] }).jobs;
  } catch {
    // As above.
    return null;
  }
}
