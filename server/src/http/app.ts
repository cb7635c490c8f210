import { Hono } from 'hono';

import { GatewayError } from '../core/errors.ts';
import type { Answer } from './gate/answer.ts';
import { createDoor, type Door, type Handle } from './gate/door.ts';
import { errorAnswer } from './gate/error-answer.ts';
import { listRoutes, type Route } from './routes.ts';
import type { HttpWorld } from './world.ts';

/** The whole HTTP side, without a socket: `app.request(path)` answers in a test as the server does. */
export function createApp(world: HttpWorld): Hono {
  const app = new Hono();
  const door = createDoor(world);
  // A process that is a worker alone still takes callbacks, tells how it is and serves files.
  const routes = listRoutes(world).filter(
    ({ path }) => world.settings.roles.has('api') || !/^\/(v2|admin)\//.test(path),
  );
  for (const route of routes) {
    app.on(route.method, route.path, handlerOf(door, route));
  }
  const patterns = routes.map((route) => ({ ...route, pattern: pathPattern(route.path) }));
  // All unknown paths are one route for log and metrics: a scanner must not grow them.
  app.notFound(door.open('(none)', (call): Answer => refuseRoute(patterns, call.context.req.path)));
  return app;
}

function handlerOf(door: Door, route: Route): Handle {
  switch (route.access) {
    case 'open':
      return door.open(route.path, route.operate);
    case 'key':
      return door.keyed(route.path, route.operate);
    case 'admin':
      return door.admin(route.path, route.operate);
  }
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
