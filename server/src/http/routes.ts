import { ACTION_OPERATIONS, OPERATIONS, type Operation } from '../catalog/model.ts';
import { addProviderKey } from './admin/add-provider-key.ts';
import { listAlerts } from './admin/list-alerts.ts';
import { listProviders } from './admin/list-providers.ts';
import { removeProviderKey } from './admin/remove-provider-key.ts';
import { testProvider } from './admin/probe-provider.ts';
import { receiveCallback } from './callbacks/receive-callback.ts';
import type { Operate, KeyedCall } from './gate/door.ts';
import { healthz, metrics, readyz } from './health.ts';
import { serveFile } from './media/serve-file.ts';
import { frontPage } from './pages/front-page.ts';
import { submitAction } from './v2/action.ts';
import { createAsset } from './v2/assets-create.ts';
import { getAsset } from './v2/assets-get.ts';
import { cancelJob } from './v2/cancel-job.ts';
import { createUpload } from './v2/create-upload.ts';
import { estimate } from './v2/estimate.ts';
import { getJob } from './v2/get-job.ts';
import { getModel } from './v2/get-model.ts';
import { jobEvents } from './v2/job-events.ts';
import { jobTimeline } from './v2/job-timeline.ts';
import { listJobs } from './v2/list-jobs.ts';
import { listModels } from './v2/list-models.ts';
import { archiveLoraOf } from './v2/loras-archive.ts';
import { createLora } from './v2/loras-create.ts';
import { getLora, listLorasOf } from './v2/loras-read.ts';
import { me } from './v2/me.ts';
import { openApi } from './v2/openapi.ts';
import { addOwnProviderKey } from './v2/provider-keys-add.ts';
import { listOwnProviderKeys } from './v2/provider-keys-list.ts';
import { submitOperation } from './v2/submit.ts';
import { removeOwnProviderKey } from './v2/provider-keys-remove.ts';
import type { HttpWorld } from './world.ts';

/** Who may come in: everybody, callers with a key, or with an admin key. A route without an answer to that does not type-check. */
export type Route = { method: 'GET' | 'POST' | 'DELETE'; path: string } & (
  | { access: 'open'; operate: Operate }
  | { access: 'key' | 'admin'; operate: Operate<KeyedCall> }
);

/** Every route of the server, once. HEAD is answered wherever GET is. */
export function listRoutes(world: HttpWorld): Route[] {
  return [
    ...OPERATIONS.map((operation) => submitRoute(world, operation)),
    ...ACTION_OPERATIONS.map((operation): Route => {
      return { method: 'POST', path: `/v2/${operation}`, access: 'key', operate: submitAction(world, operation) };
    }),
    { method: 'GET', path: '/v2/jobs', access: 'key', operate: listJobs(world) },
    { method: 'GET', path: '/v2/jobs/:id', access: 'key', operate: getJob(world) },
    { method: 'POST', path: '/v2/jobs/:id/cancel', access: 'key', operate: cancelJob(world) },
    { method: 'GET', path: '/v2/jobs/:id/events', access: 'key', operate: jobEvents(world) },
    { method: 'GET', path: '/v2/jobs/:id/timeline', access: 'key', operate: jobTimeline(world) },
    { method: 'POST', path: '/v2/estimate', access: 'key', operate: estimate(world) },
    { method: 'GET', path: '/v2/me', access: 'key', operate: me(world) },
    { method: 'POST', path: '/v2/uploads', access: 'key', operate: createUpload(world) },
    { method: 'POST', path: '/v2/assets/create', access: 'key', operate: createAsset(world) },
    { method: 'GET', path: '/v2/assets/:id', access: 'key', operate: getAsset(world) },
    { method: 'POST', path: '/v2/loras', access: 'key', operate: createLora(world) },
    { method: 'GET', path: '/v2/loras', access: 'key', operate: listLorasOf(world) },
    { method: 'GET', path: '/v2/loras/:id', access: 'key', operate: getLora(world) },
    { method: 'DELETE', path: '/v2/loras/:id', access: 'key', operate: archiveLoraOf(world) },
    { method: 'GET', path: '/v2/provider-keys', access: 'key', operate: listOwnProviderKeys(world) },
    { method: 'POST', path: '/v2/provider-keys', access: 'key', operate: addOwnProviderKey(world) },
    { method: 'DELETE', path: '/v2/provider-keys/:id', access: 'key', operate: removeOwnProviderKey(world) },
    { method: 'GET', path: '/admin/providers', access: 'admin', operate: listProviders(world) },
    { method: 'POST', path: '/admin/providers/:id/keys', access: 'admin', operate: addProviderKey(world) },
    { method: 'DELETE', path: '/admin/providers/:id/keys/:keyId', access: 'admin', operate: removeProviderKey(world) },
    { method: 'POST', path: '/admin/providers/:id/test', access: 'admin', operate: testProvider(world) },
    { method: 'GET', path: '/admin/alerts', access: 'admin', operate: listAlerts(world) },
    { method: 'GET', path: '/v2/models', access: 'open', operate: listModels(world) },
    { method: 'GET', path: '/v2/models/:id', access: 'open', operate: getModel(world) },
    { method: 'GET', path: '/v2/openapi.json', access: 'open', operate: openApi(world) },
    { method: 'GET', path: '/media/:token/:fileName', access: 'open', operate: serveFile(world) },
    { method: 'POST', path: '/callbacks/:provider/:attemptId/:token', access: 'open', operate: receiveCallback(world) },
    { method: 'GET', path: '/healthz', access: 'open', operate: healthz() },
    { method: 'GET', path: '/readyz', access: 'open', operate: readyz(world) },
    { method: 'GET', path: '/metrics', access: 'open', operate: metrics(world) },
    { method: 'GET', path: '/', access: 'open', operate: frontPage(world) },
  ];
}

function submitRoute(world: HttpWorld, operation: Operation): Route {
  return { method: 'POST', path: `/v2/${operation}`, access: 'key', operate: submitOperation(world, operation) };
}
