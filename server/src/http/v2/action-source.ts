import { z } from 'zod';

import type { JsonValue } from '../../catalog/json-value.ts';
import type { ActionParent } from '../../catalog/model.ts';
import { GatewayError } from '../../core/errors.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import type { JobRecord } from '../../jobs/job-record.ts';

const pictures = z.object({ images: z.array(z.string()).min(1), gridUrl: z.string().optional() });
const songs = z.object({
  tracks: z.array(z.object({ id: z.string(), audioUrl: z.string(), duration: z.number().nullable() })).min(1),
});

/** The file of a finished job that an action acts upon; refuses jobs of another kind (400) or of none (409). */
export function sourceOf(wanted: ActionParent, parent: JobRecord, block: Readonly<Record<string, JsonValue>>): string {
  return wanted === 'track' ? trackOf(parent, block) : pictureOf(wanted, parent, block);
}

function pictureOf(wanted: ActionParent, parent: JobRecord, block: Readonly<Record<string, JsonValue>>): string {
  const read = pictures.safeParse(parent.result);
  if (!read.success) throw new GatewayError('action_unavailable');
  const { images, gridUrl } = read.data;
  const isGrid = gridUrl !== undefined;
  if (wanted === 'grid' && !isGrid)
    throw refuseInput({ parentJobId: ['The job gave one picture; this action needs a grid of four'] });
  if (wanted === 'single' && isGrid)
    throw refuseInput({
      parentJobId: ['The job gave a grid; this action needs one picture: upsample one of it first'],
    });
  const { index } = block;
  const place = wanted === 'grid' && typeof index === 'number' ? index - 1 : 0;
  return images[place] ?? images[0] ?? '';
}

/** Stems are files of voices and instruments, no songs; nothing follows upon them. */
const STEMS: ReadonlySet<string> = new Set(['vocals', 'instrumental']);

function trackOf(parent: JobRecord, block: Readonly<Record<string, JsonValue>>): string {
  const read = songs.safeParse(parent.result);
  if (!read.success) throw new GatewayError('action_unavailable');
  const { tracks } = read.data;
  if (tracks.every(({ id }) => STEMS.has(id)))
    throw new GatewayError('action_unavailable', { text: 'Stems are no songs; nothing follows upon them' });
  const { index, trackId, continueAt } = block;
  const byId = trackId === undefined ? undefined : tracks.find(({ id }) => id === trackId);
  if (trackId !== undefined && byId === undefined)
    throw refuseInput({ trackId: [`The job has no such track; it has ${tracks.map(({ id }) => id).join(', ')}`] });
  const byIndex = typeof index === 'number' ? tracks[index - 1] : undefined;
  if (byId !== undefined && byIndex !== undefined && byId !== byIndex)
    throw refuseInput({ trackId: ['index and trackId name different tracks; give one of them'] });
  const track = byId ?? byIndex ?? tracks[0];
  if (track === undefined) throw new GatewayError('action_unavailable');
  if (typeof continueAt === 'number' && track.duration !== null && continueAt >= track.duration)
    throw refuseInput({ continueAt: [`Too big: the track has ${track.duration} seconds`] });
  return track.audioUrl;
}
