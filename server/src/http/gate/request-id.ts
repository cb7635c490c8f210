import type { NewId } from '../../core/ids.ts';

/** Long enough for UUIDs and the trace ids of proxies; no character that could break a log or a header. */
const SANE_ID = /^[0-9A-Za-z][0-9A-Za-z._:-]{0,127}$/;

/** The caller's own id where it is a sane one, else a new one. */
export function requestIdFrom(header: string | null, newId: NewId): string {
  return header !== null && SANE_ID.test(header) ? header : newId();
}
