import { z } from 'zod';

import { GatewayError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { JobCursor } from '../../jobs/list-jobs.ts';
import { seesTeam } from '../../jobs/job-record.ts';
import { JOB_STATES } from '../../jobs/states.ts';
import { json, type Answer } from '../gate/answer.ts';
import type { KeyedCall, Operate } from '../gate/door.ts';
import { queryOf } from '../gate/query.ts';
import type { JobListBody } from '../schemas.ts';
import type { HttpWorld } from '../world.ts';
import { jobListItem } from './job-view.ts';

const LIMIT_TEXT = 'Invalid input: expected a whole number from 1 to 100';

const querySchema = z.object({
  status: z.enum(JOB_STATES).optional(),
  // PostgreSQL takes no text with a NUL.
  model: z
    .string()
    .max(200)
    .refine((text) => !text.includes('\0'), 'Invalid input: the text holds a NUL character')
    .optional(),
  limit: z
    .string()
    .regex(/^([1-9]\d?|100)$/, LIMIT_TEXT)
    .transform(Number)
    .default(20),
  cursor: z.string().optional(),
  scope: z.enum(['user', 'team']).default('user'),
  search: z.string().refine(isUuid, 'Invalid UUID').optional(),
  include_models: z.enum(['true', 'false']).default('false'),
});

/** `GET /v2/jobs`: one page of the caller's jobs or, for admins, of the team's; newest first. */
export function listJobs(world: HttpWorld): Operate<KeyedCall> {
  return async (call): Promise<Answer> => {
    const query = queryOf(call, querySchema);
    if (query.scope === 'team' && !seesTeam(call.caller)) throw new GatewayError('scope_forbidden');
    const page = await world.jobs.listJobs(call.caller, {
      status: query.status ?? null,
      model: query.model ?? null,
      limit: query.limit,
      cursor: query.cursor === undefined ? null : decodeCursor(query.cursor),
      scope: query.scope,
      search: query.search?.toLowerCase() ?? null,
      includeModels: query.include_models === 'true',
    });
    return json(200, {
      jobs: page.jobs.map(jobListItem),
      nextCursor: page.nextCursor === null ? null : encodeCursor(page.nextCursor),
      hasMore: page.nextCursor !== null,
      ...(page.models === null ? {} : { models: page.models }),
    } satisfies JobListBody);
  };
}

/** Opaque to callers: the place of the last job of the page before. */
export function encodeCursor(cursor: JobCursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

const cursorSchema = z.strictObject({
  createdAt: z.int().min(0),
  id: z.string().refine(isUuid),
});

/** No cursor of ours is longer. */
const CURSOR_LENGTH_MAX = 200;

/** Reads what `encodeCursor` wrote; throws `cursor_invalid` for anything else. */
export function decodeCursor(text: string): JobCursor {
  const details = { cursor: ['Invalid cursor: give the nextCursor of the page before'] };
  if (text.length > CURSOR_LENGTH_MAX) throw new GatewayError('cursor_invalid', { details });
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new GatewayError('cursor_invalid', { details, cause });
  }
}
