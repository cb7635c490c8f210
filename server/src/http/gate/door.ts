import type { Context } from 'hono';

import { GatewayError } from '../../core/errors.ts';
import type { Caller } from '../../teams/authenticate.ts';
import type { HttpWorld } from '../world.ts';
import type { Answer } from './answer.ts';
import { authenticate } from './authenticate.ts';
import { asGatewayError, errorAnswer } from './error-answer.ts';
import { createDeadline, type Deadline } from './deadlines.ts';
import { BODY_MS_MAX, readJsonBody } from './json-body.ts';
import { createRateLimit } from './rate-limit.ts';
import { requestHeader } from './request-header.ts';
import { requestIdFrom } from './request-id.ts';

/** One request on its way through the door. */
export interface Call {
  context: Context;
  requestId: string;
  caller: Caller | null;
  deadline: Deadline;
  /** For the log line: the job that the request made or asked about. */
  jobId: string | null;
  /** For the log line: the code of the refusal. */
  refusal: string | null;
}

/** A request whose key has been checked and counted. */
export interface KeyedCall extends Call {
  caller: Caller;
}

export type Operate<C extends Call = Call> = (call: C) => Answer | Promise<Answer>;

/** What Hono calls. */
export type Handle = (context: Context) => Promise<Response>;

/** Turns operations into handlers: request id, errors, headers that every answer has, one log line. */
export interface Door {
  /** For everybody. `route` is the pattern that log and metrics show. */
  open(route: string, operate: Operate): Handle;
  /** For callers with a key: authentication and rate limit come before anything else. */
  keyed(route: string, operate: Operate<KeyedCall>): Handle;
  /** For admin keys: every other key is refused before the path is looked at. */
  admin(route: string, operate: Operate<KeyedCall>): Handle;
}

/**
 * One door for all operations. It is a wrapper around each handler and not a chain of middleware, because Hono
 * runs a lone handler without building a chain for it.
 */
export function createDoor(world: HttpWorld): Door {
  const limitRate = createRateLimit({ ratePerMinute: world.settings.ratePerMinute, clock: world.clock });
  const deadline = createDeadline({ clock: world.clock, ms: BODY_MS_MAX, closing: world.closing });
  const open = (route: string, operate: Operate): Handle => {
    return async (context) => {
      const startedMs = world.clock.monotonicMs();
      const requestId = requestIdFrom(requestHeader(context, 'x-request-id'), world.newId);
      const call: Call = { context, requestId, deadline, caller: null, jobId: null, refusal: null };
      let answer: Answer;
      try {
        answer = await operate(call);
      } catch (error) {
        const refusal = asGatewayError(error, { log: world.log, requestId });
        call.refusal = refusal.code;
        answer = errorAnswer(refusal);
      }
      record(world, { call, route, answer, durationMs: world.clock.monotonicMs() - startedMs });
      return seal(answer, requestId);
    };
  };
  const keyed: Door['keyed'] = (route, operate) =>
    open(route, async (call) => {
      const caller = await authenticate(world.authenticator, (name) => requestHeader(call.context, name));
      call.caller = caller;
      limitRate(caller.keyId);
      // Safe: the caller was set two lines above, and a KeyedCall differs in nothing else.
      return operate(call as KeyedCall);
    });
  return {
    open,
    keyed,
    admin: (route, operate) =>
      keyed(route, (call) => {
        if (!call.caller.isAdmin) throw new GatewayError('admin_required');
        return operate(call);
      }),
  };
}

/** The request's JSON object; throws a 400 for everything else. `bytesMax` where more than usual is allowed. */
export function bodyOf(call: Call, bytesMax?: number): Promise<Record<string, unknown>> {
  return readJsonBody({ request: call.context.req.raw, deadline: call.deadline }, bytesMax);
}

/** A named part of the path. */
export function pathPart(call: Call, name: string): string {
  const part = call.context.req.param(name);
  if (part === undefined) throw new GatewayError('internal', { internal: `the route has no part ${name}` });
  return part;
}

function record(
  world: HttpWorld,
  { call, route, answer, durationMs }: { call: Call; route: string; answer: Answer; durationMs: number },
): void {
  const { method } = call.context.req;
  const { status } = answer;
  world.metrics.countRequest({ method, route, status, durationMs });
  world.log.info('http.request', {
    requestId: call.requestId,
    method,
    route,
    status,
    durationMs: Math.round(durationMs * 100) / 100,
    teamId: call.caller?.teamId,
    keyId: call.caller?.keyId,
    jobId: call.jobId ?? undefined,
    refusal: call.refusal ?? undefined,
  });
}

/** Nothing we answer is a page to be framed or a type to be guessed; the front page and files say what they allow. */
function seal(answer: Answer, requestId: string): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      ...answer.headers,
      'x-request-id': requestId,
    },
  });
}
