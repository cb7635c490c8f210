import { receiveCallback } from './callbacks/receive-callback.ts';
import type { Operate, KeyedCall } from './gate/door.ts';
import { healthz, metrics, readyz } from './health.ts';
import { serveFile } from './media/serve-file.ts';
import { frontPage } from './pages/front-page.ts';
import { cancelJob } from './v2/cancel-job.ts';
import { createUpload } from './v2/create-upload.ts';
import { estimate } from './v2/estimate.ts';
import { getJob } from './v2/get-job.ts';
import { getModel } from './v2/get-model.ts';
import { imagesEdit } from './v2/images-edit.ts';
import { imagesGenerate } from './v2/images-generate.ts';
import { jobEvents } from './v2/job-events.ts';
import { jobTimeline } from './v2/job-timeline.ts';
import { listJobs } from './v2/list-jobs.ts';
import { listModels } from './v2/list-models.ts';
import { me } from './v2/me.ts';
import { openApi } from './v2/openapi.ts';
import type { HttpWorld } from './world.ts';

/** Who may come in: everybody, or callers with a key. A route without an answer to that does not type-check. */
export type Route = { method: 'GET' | 'POST'; path: string } & (
  | { access: 'open'; operate: Operate }
  | { access: 'key'; operate: Operate<KeyedCall> }
);

/** Every route of the server, once. HEAD is answered wherever GET is. */
export function listRoutes(world: HttpWorld): Route[] {
  return [
    { method: 'POST', path: '/v2/images/generate', access: 'key', operate: imagesGenerate(world) },
    { method: 'POST', path: '/v2/images/edit', access: 'key', operate: imagesEdit(world) },
    { method: 'GET', path: '/v2/jobs', access: 'key', operate: listJobs(world) },
    { method: 'GET', path: '/v2/jobs/:id', access: 'key', operate: getJob(world) },
    { method: 'POST', path: '/v2/jobs/:id/cancel', access: 'key', operate: cancelJob(world) },
    { method: 'GET', path: '/v2/jobs/:id/events', access: 'key', operate: jobEvents(world) },
    { method: 'GET', path: '/v2/jobs/:id/timeline', access: 'key', operate: jobTimeline(world) },
    { method: 'POST', path: '/v2/estimate', access: 'key', operate: estimate(world) },
    { method: 'GET', path: '/v2/me', access: 'key', operate: me(world) },
    { method: 'POST', path: '/v2/uploads', access: 'key', operate: createUpload(world) },
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
