import type { ResultKind } from '../core/media-port.ts';
import type { OutputRole, TrackFacts } from '../core/outcome.ts';
import { mediaUrl, type Output } from '../files/outputs.ts';
import type { RunningJob } from './run.ts';

/** What an operation's results are, as files. */
export function kindOfResults(operation: string): ResultKind {
  if (operation === 'loras') return 'weights';
  if (operation.startsWith('videos/')) return 'video';
  return operation.startsWith('music/') ? 'audio' : 'image';
}

/** What stands after the job's id in the name of a file: tracks are counted from 0, as in the API that we speak. */
export function fileNumber(
  operation: string,
  role: OutputRole,
  { position, results }: { position: number; results: number },
): string {
  if (role === 'grid') return 'grid';
  const place = role === 'cover' ? position - results : position;
  return String(kindOfResults(operation) === 'audio' ? place - 1 : place);
}

/** One piece of music in a job's result. */
export interface Track {
  id: string;
  audioUrl: string;
  imageUrl: string | null;
  title: string | null;
  tags: string | null;
  /** Seconds; null where the file does not tell. */
  duration: number | null;
  /** How loud it is over its length, in 200 numbers from 0 to 100 (`MediaFacts.peaks`); null where nobody can tell. */
  waveform: number[] | null;
}

/** What is known of a piece of music beside its file. */
interface Song {
  label: TrackFacts | null;
  peaks: number[] | null;
}

/**
 * A finished job's `result`, with links that lack the public address: `images` (with `gridUrl`), `videoUrl` or, of models
 * that make several, `videos`; `tracks`; or, of a training, `loraId`.
 */
export function resultOf(
  job: Pick<RunningJob, 'id' | 'operation' | 'model' | 'plan'>,
  { outputs, tracks }: { outputs: readonly Output[]; tracks: readonly Song[] },
): Record<string, unknown> {
  const urls = (role: OutputRole): string[] =>
    outputs.filter((output) => output.role === role).map((output) => mediaUrl('', output));
  const results = urls('result');
  switch (kindOfResults(job.operation)) {
    case 'image': {
      const [gridUrl] = urls('grid');
      return { images: results, ...(gridUrl === undefined ? {} : { gridUrl }) };
    }
    case 'weights':
      return { loraId: textIn(job, 'lora_id'), triggerWord: textIn(job, 'trigger_word') };
    case 'video':
      return job.model.outputs === 1 ? { videoUrl: results[0] } : { videos: results };
    case 'audio': {
      const covers = urls('cover');
      const songs = outputs.filter((output) => output.role === 'result');
      return {
        tracks: songs.map((song, index): Track => {
          const { label = null, peaks = null } = tracks[index] ?? {};
          return {
            id: label?.id ?? `${job.id}-${index}`,
            audioUrl: mediaUrl('', song),
            imageUrl: covers[index] ?? null,
            title: label?.title ?? textIn(job, 'title'),
            tags: label?.tags ?? textIn(job, 'style'),
            duration: song.seconds === null ? null : Math.round(song.seconds * 1_000) / 1_000,
            waveform: peaks,
          };
        }),
      };
    }
  }
}

/** What the caller wrote on the label; null where nothing. */
function textIn({ plan }: Pick<RunningJob, 'plan'>, name: string): string | null {
  const value = plan.parameters[name];
  return typeof value === 'string' ? value : null;
}
