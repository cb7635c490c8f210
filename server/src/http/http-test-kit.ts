import type { Hono } from 'hono';

import type { CheckedInput } from '../catalog/check-input.ts';
import { loadCatalog } from '../catalog/load-catalog.ts';
import type { BlobStore } from '../core/blob-port.ts';
import { GatewayError } from '../core/errors.ts';
import { handClock, type HandClock } from '../core/hand-clock.ts';
import { idMaker } from '../core/ids.ts';
import { systemRandom } from '../core/random.ts';
import type { Database, Row } from '../database/database.ts';
import { MIGRATIONS } from '../database/migrate.ts';
import type { JobRecord } from '../jobs/job-record.ts';
import type { Caller } from '../teams/authenticate.ts';
import { openProviderVault } from '../teams/provider-vault.ts';
import { createApp } from './app.ts';
import type { JobsPort, SubmitRequest } from './jobs-port.ts';
import type { ProvidersPort } from './providers-port.ts';
import type { HttpWorld } from './world.ts';

/** For tests only: keys that the fake authenticator knows. */
export const KEY = 'afk_member';
export const ADMIN_KEY = 'afk_admin';
export const OWNER_KEY = 'afk_owner';
export const TEST_KEY = 'afk_test_owner';
/** The one that opens the admin routes. */
export const OPERATOR_KEY = 'afk_operator';
export const INACTIVE_KEY = 'afk_inactive';
export const JOB_ID = '019aa000-0000-7000-8000-000000000001';
export const PUBLIC_URL = 'http://127.0.0.1:3000';

const member: Caller = {
  keyId: '019aa000-0000-7000-8000-00000000000a',
  keyName: 'laptop',
  keyPrefix: 'afk_member12',
  keyMaxConcurrentJobs: null,
  teamId: '019aa000-0000-7000-8000-00000000000b',
  teamName: 'Team',
  teamPlan: 'pro',
  customerId: null,
  teamMaxConcurrentJobs: 50,
  userId: '019aa000-0000-7000-8000-00000000000c',
  email: 'member@example.com',
  role: 'MEMBER',
  mode: 'live',
  isAdmin: false,
};

/** For tests only: a job as the engine hands it over. */
export function jobRecord(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    id: JOB_ID,
    status: 'QUEUED',
    model: 'flux-1.1-pro',
    operation: 'images/generate',
    mode: 'live',
    progress: 0,
    result: null,
    error: null,
    creditCost: 5,
    webhookStatus: null,
    createdAt: 1_760_000_000_000,
    completedAt: null,
    expired: false,
    cancelRequested: false,
    input: { model: 'flux-1.1-pro', prompt: 'a lighthouse' },
    provider: null,
    sandbox: false,
    ...changes,
  };
}

/** For tests only: an engine that knows one job and remembers what it was asked. */
export interface FakeJobs extends JobsPort {
  submitted: SubmitRequest[];
  estimated: { input: CheckedInput }[];
  job: JobRecord;
}

function fakeJobs(changes: Partial<JobsPort>): FakeJobs {
  const jobs: FakeJobs = {
    submitted: [],
    estimated: [],
    job: jobRecord(),
    findReplay: async () => null,
    submitJob: async (request) => {
      jobs.submitted.push(request);
      return { jobId: JOB_ID, status: 'QUEUED', replayed: false };
    },
    estimateJob: async (request) => {
      jobs.estimated.push(request);
      return {
        credits: 5,
        creditsAvailable: 995,
        secondsExpected: null,
        ignored: [],
        adjustments: [],
        provider: 'sandbox',
        sandbox: true,
      };
    },
    findJob: async (_caller, id) => (id === jobs.job.id ? jobs.job : null),
    listJobs: async () => ({ jobs: [jobs.job], nextCursor: null, models: null }),
    waitForJob: async () => jobs.job,
    watchJob: async () => null,
    findTimeline: async () => null,
    cancelJob: async () => jobs.job,
    receiveCallback: async () => 'unknown',
    ...changes,
  };
  return jobs;
}

/** For tests only: everything behind the door, in memory. */
export interface HttpTest {
  app: Hono;
  world: HttpWorld;
  jobs: FakeJobs;
  clock: HandClock;
  lines: { event: string; fields: Record<string, unknown> }[];
  counted: { method: string; route: string; status: number }[];
  crashPoints: string[];
  closing: AbortController;
  /** A GET with the member's key. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** A POST of JSON with the member's key; a string goes as it is. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
}

export interface HttpTestOptions {
  jobs?: Partial<JobsPort>;
  world?: Partial<HttpWorld>;
}

let catalog: ReturnType<typeof loadCatalog> | undefined;

/** For tests only: builds the app over fakes; only the catalogue is the real one. */
export function httpTest(options: HttpTestOptions = {}): HttpTest {
  catalog ??= loadCatalog(new URL('../../../catalog', import.meta.url).pathname);
  const clock = handClock(1_760_000_000_000);
  const jobs = fakeJobs(options.jobs ?? {});
  const test: Pick<HttpTest, 'lines' | 'counted' | 'crashPoints'> = { lines: [], counted: [], crashPoints: [] };
  const write = (event: string, fields: Record<string, unknown> = {}): void => void test.lines.push({ event, fields });
  const closing = new AbortController();
  const world: HttpWorld = {
    settings: {
      ratePerMinute: 0,
      uploadMs: 3_600_000,
      retentionMs: 86_400_000,
      teamTrainings: 10,
      roles: new Set(['api', 'worker'] as const),
    },
    clock,
    random: systemRandom(),
    newId: idMaker(clock, systemRandom()),
    log: { info: write, warn: write, error: write },
    metrics: { countRequest: (request) => void test.counted.push(request), render: () => '# figures\n' },
    net: {
      checkUrl: async (url) =>
        url.includes('evil') ? { reason: 'address-forbidden', detail: 'The address may not be used.' } : null,
    },
    blobs: noBlobs,
    inputs: { read: async () => null },
    media: { inspect: noMedia, convert: noMedia },
    database: fakeDatabase({}),
    catalog,
    authenticator: { find: findCaller },
    jobs,
    measured: { of: () => null, version: () => 0 },
    providers: noProviders,
    publicUrl: () => PUBLIC_URL,
    version: '0.0.0-test',
    closing: closing.signal,
    reachCrashPoint: (point) => void test.crashPoints.push(point),
    ...options.world,
  };
  const app = createApp(world);
  return {
    ...test,
    app,
    world,
    jobs,
    clock,
    closing,
    get: async (path, headers = {}) => app.request(path, { headers: { 'x-api-key': KEY, ...headers } }),
    post: async (path, body, headers = {}) =>
      app.request(path, {
        method: 'POST',
        headers: { 'x-api-key': KEY, 'content-type': 'application/json', ...headers },
        // Safe: RequestInit takes every kind of body that the tests give.
        body:
          typeof body === 'object' && body?.constructor === Object
            ? JSON.stringify(body)
            : ((body as RequestInit['body']) ?? null),
      }),
  };
}

/** For tests only: a store that answers each table named in `rows`, and knows its migrations and one balance. */
export function fakeDatabase(rows: Readonly<Record<string, readonly Row[]>>): Database {
  const known: Readonly<Record<string, readonly Row[]>> = {
    migrations: MIGRATIONS.map(({ name }) => ({ name })),
    accounts: [{ posted: 1_000_000_000, held: 5_500_000, open_holds: 1 }],
    ...rows,
  };
  return {
    engine: 'sqlite',
    query: async <R extends Row>(sql: string) => {
      const table = Object.keys(known).find((name) => sql.includes(`FROM ${name}`));
      // Safe for tests: each test gives the rows that its statement reads.
      return (table === undefined ? [] : [...(known[table] ?? [])]) as R[];
    },
    transaction: () => Promise.reject(new Error('no transactions here')),
    notify: () => {},
    subscribe: () => () => {},
    close: async () => {},
  };
}

async function findCaller(key: string | undefined): Promise<Caller> {
  if (key === KEY) return member;
  if (key === ADMIN_KEY) return { ...member, role: 'ADMIN' };
  if (key === OWNER_KEY) return { ...member, role: 'OWNER' };
  if (key === TEST_KEY) return { ...member, role: 'OWNER', mode: 'test' };
  if (key === OPERATOR_KEY) return { ...member, role: 'OWNER', isAdmin: true };
  throw new GatewayError(key === INACTIVE_KEY ? 'key_inactive' : 'key_invalid');
}

/** For tests only: a gateway without a key. */
export const noProviders: ProvidersPort = {
  vault: openProviderVault({ masterKey: Buffer.alloc(32, 2), random: systemRandom() }),
  keys: {
    cards: () => [],
    configured: () => new Set(),
    refresh: async () => {},
    report: () => {},
    clear: () => {},
    clean: (_keyId, text) => text,
  },
  adapters: new Map(),
  upstream: {
    baseUrl: () => 'http://provider.invalid/v1',
    exchange: async () => ({ kind: 'refused', reason: 'connection-refused', detail: 'nobody is there' }),
  },
  circuits: () => [],
};

const noMedia: () => ReturnType<HttpWorld['media']['inspect']> = async () => ({
  ok: false,
  problem: 'unsupported-type',
  detail: 'none',
});
const noBlobs: BlobStore = {
  create: () => Promise.reject(new Error('no blobs here')),
  open: async () => null,
  stat: async () => null,
  localPath: async () => null,
  delete: async () => false,
  list: async function* () {},
  sweepTemporary: async () => 0,
};

/** For tests only: the parsed JSON of an answer. */
export async function bodyOfAnswer(answer: Response): Promise<Record<string, unknown>> {
  // Safe for tests: a wrong shape fails the assertion that follows.
  return (await answer.json()) as Record<string, unknown>;
}
