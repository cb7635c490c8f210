import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log-port.ts';
import type { Net } from '../core/net-port.ts';
import type { Settings } from '../core/settings.ts';
import type { Database } from '../database/database.ts';
import { alertRequest, claimAlert, markAlert, type OperatorAlert } from '../webhooks/operator-alerts.ts';
import { every, type Loop } from './every.ts';

export interface TellOperatorWorld {
  database: Database;
  net: Pick<Net, 'exchange'>;
  clock: Clock;
  log: Log;
  settings: Pick<Settings, 'operatorWebhook' | 'operatorWebhookSecret'>;
}

/** Nobody waits for it, and a hint comes for what is new; retries are at least 5 s apart. */
const LOOK_MS = 5_000;
/** From connect to the last byte of the answer; less than a claim holds. */
const TRY_MS_MAX = 15_000;
/** Nothing but the status is used. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** Alerts of one round; more wait for the next one. */
const ROUND_MAX = 100;

/** Tells the operator's webhook what is wrong, at least once, until it is stopped. Does nothing without an address. */
export function startTellOperator(world: TellOperatorWorld): Loop {
  const { database, clock, log } = world;
  const { operatorWebhook: url } = world.settings;
  if (url === null) return { stop: async () => {}, wake: () => {} };
  const loop = every({
    name: 'tell-operator',
    ms: LOOK_MS,
    clock,
    log,
    round: async (signal) => {
      for (let count = 0; count < ROUND_MAX && !signal.aborted; count += 1) {
        const alert = await database.transaction((tx) => claimAlert(tx, clock.now()));
        if (alert === null) return;
        await tell(world, { alert, url, signal });
      }
    },
  });
  const unsubscribe = database.subscribe('alert', loop.wake);
  return {
    wake: loop.wake,
    stop: () => {
      unsubscribe();
      return loop.stop();
    },
  };
}

async function tell(
  world: TellOperatorWorld,
  { alert, url, signal }: { alert: OperatorAlert; url: string; signal: AbortSignal },
): Promise<void> {
  const { database, net, clock, log, settings } = world;
  const request = alertRequest(alert, { url, secret: settings.operatorWebhookSecret, at: clock.now() });
  const result = await net.exchange(request, {
    totalMs: TRY_MS_MAX,
    headersMs: TRY_MS_MAX,
    bodyBytesMax: ANSWER_BYTES_MAX,
    redirectsMax: 0,
    // The operator wrote the address, so it may lie in his own network.
    trust: { operatorOrigins: [new URL(url).origin] },
    signal,
  });
  // The process ends: the claim runs out, and another one tells it.
  if (result.kind !== 'answer' && result.reason === 'aborted') return;
  const isTold = result.kind === 'answer' && result.status >= 200 && result.status <= 299;
  const state = await database.transaction((tx) => markAlert(tx, { alert, isTold, now: clock.now() }));
  const fields = {
    alertId: alert.id,
    kind: alert.kind,
    number: alert.tries,
    status: result.kind === 'answer' ? result.status : null,
    failure: result.kind === 'answer' ? null : result.reason,
    state,
  };
  if (isTold) log.info('alert.told', fields);
  else log.warn('alert.not-told', fields);
}
