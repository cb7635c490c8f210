import { isoInstant } from '../../core/clock.ts';
import { listAlerts as list } from '../../webhooks/operator-alerts.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import type { AlertListBody } from '../provider-schemas.ts';
import type { HttpWorld } from '../world.ts';

/** `GET /admin/alerts`: what the operator was told, or would have been told had he set an address. */
export function listAlerts(world: HttpWorld): Operate<KeyedCall> {
  return async (): Promise<Answer> => {
    const alerts = await list(world.database);
    return json(200, {
      alerts: alerts.map((alert) => ({ ...alert, createdAt: isoInstant(alert.createdAt) })),
    } satisfies AlertListBody);
  };
}
