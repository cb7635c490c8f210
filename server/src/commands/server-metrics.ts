import type { ProviderKeys } from '../core/provider-keys-port.ts';
import type { Database } from '../database/database.ts';
import type { HttpMetrics } from '../http/world.ts';
import { findPossibleLoss } from '../jobs/costs.ts';
import type { Metrics } from '../log/metrics.ts';
import type { Worker } from '../loops/worker.ts';

/** Seconds; from a cached read to a long poll. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** Counts answered requests by method, route pattern and status. */
export function httpMetrics(metrics: Metrics): HttpMetrics {
  const requests = metrics.counter('lumegate_http_requests_total', 'Answered requests.', ['method', 'route', 'status']);
  const durations = metrics.histogram(
    'lumegate_http_request_seconds',
    'Seconds from head to answer.',
    ['route'],
    DURATION_BUCKETS,
  );
  return {
    countRequest: ({ method, route, status, durationMs }) => {
      requests.add({ method, route, status: String(status) });
      durations.observe({ route }, durationMs / 1000);
    },
    render: () => metrics.render(),
  };
}

const JOBS = `SELECT status, COUNT(*) AS jobs FROM jobs WHERE status IN ('QUEUED', 'PROCESSING') GROUP BY status`;
const DELIVERIES = `SELECT COUNT(*) AS deliveries FROM deliveries WHERE state = 'pending'`;

/** Keys of the operator's that providers refuse or that are out of money; 0 for each provider that is well. */
export function registerProviderGauges(metrics: Metrics, keys: Pick<ProviderKeys, 'configured' | 'problems'>): void {
  const name = 'lumegate_provider_keys_refused';
  metrics.gauge(name, 'Provider keys that are refused or out of money.', ['provider'], () => {
    const refused = keys.problems().filter(({ teamId }) => teamId === null);
    return [...keys.configured(null)].map((provider) => ({
      labels: { provider },
      value: refused.filter((problem) => problem.provider === provider).length,
    }));
  });
}

/** Figures that are read when somebody asks for them. */
export function registerGauges(metrics: Metrics, world: { database: Database; worker: Worker | null }): void {
  const { database, worker } = world;
  metrics.gauge('lumegate_jobs_open', 'Jobs that have not ended, by status.', ['status'], async () => {
    const rows = await database.query<{ status: string; jobs: number }>(JOBS);
    return rows.map((row) => ({ value: row.jobs, labels: { status: row.status } }));
  });
  metrics.gauge('lumegate_deliveries_pending', 'Webhook deliveries that have not ended.', [], async () => {
    const rows = await database.query<{ deliveries: number }>(DELIVERIES);
    return rows[0]?.deliveries ?? 0;
  });
  metrics.gauge(
    'lumegate_purchases_in_suspense',
    'Purchases that may be on a bill and that nobody was charged for.',
    [],
    async () => {
      return (await findPossibleLoss(database)).attempts;
    },
  );
  metrics.gauge('lumegate_suspense_usd', 'What they may cost, in US dollars.', [], async () => {
    return (await findPossibleLoss(database)).microUsd / 1_000_000;
  });
  metrics.gauge('lumegate_jobs_running_here', 'Jobs that this process carries.', [], () => worker?.running() ?? 0);
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', [], () => process.memoryUsage.rss());
}
