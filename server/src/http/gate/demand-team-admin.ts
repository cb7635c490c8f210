import { GatewayError } from '../../core/errors.ts';
import type { Caller } from '../../teams/authenticate.ts';

/** Throws a 403 for members and for test keys: what follows concerns the whole team and real money. */
export function demandTeamAdmin(caller: Caller): void {
  if (caller.mode !== 'live' || caller.role === 'MEMBER') throw new GatewayError('role_forbidden');
}
