import { Hono } from 'hono';

import { GatewayError } from '../core/errors.ts';
import type { Answer } from './gate/answer.ts';
import { createDoor } from './gate/door.ts';
import { errorAnswer } from './gate/error-answer.ts';
import { listRoutes, type Route } from './routes.ts';
import type { HttpWorld } from './world.ts';

/** The whole HTTP side, without a socket: `app.request(path)` answers in a test as the server does. */
export function createApp(world: HttpWorld): Hono {
  const app = new Hono();
  const door = createDoor(world);
  // A process that is a worker alone still takes callbacks, tells how it is and serves files.
  const routes = listRoutes(world).filter((route) => world.settings.roles.has('api') || !route.path.startsWith('/v2/'));
  for (const route of routes) {
    const handler =
      route.access === 'key' ? door.keyed(route.path, route.operate) : door.open(route.path, route.operate);
    app.on(route.method, route.path, handler);
  }
  const patterns = routes.map((route) => ({ ...route, pattern: pathPattern(route.path) }));
  // All unknown paths are one route for log and metrics: a scanner must not grow them.
  app.notFound(door.open('(none)', (call): Answer => refuseRoute(patterns, call.context.req.path)));
  return app;
}

/** 405 with `Allow` where the path exists for another method, else 404. */
function refuseRoute(patterns: readonly (Route & { pattern: RegExp })[], path: string): Answer {
  const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  if (methods.length === 0) throw new GatewayError('route_not_found');
  const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  const answer = errorAnswer(new GatewayError('method_not_allowed'));
  return { ...answer, headers: { ...answer.headers, allow } };
}

function pathPattern(path: string): RegExp {
  const escaped = path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+');
  return new RegExp(`^${escaped}$`);
}
