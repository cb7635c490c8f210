import type { SongSpec } from '../core/media-port.ts';
import type { StartRequest } from './generation.ts';

/** What a request for music asks the sandbox to play, in whatever names its model takes. */
export interface AskedSong extends Pick<SongSpec, 'seconds' | 'format' | 'hertz'> {
  count: number;
}

const SECONDS_DEFAULT = 30;
const SECONDS_MAX = 600;
const COUNT_MAX = 8;
const CD_HERTZ = 44_100;
/** Sample rates by the word in the name of a format. */
const RATES: Readonly<Record<string, number>> = { '16khz': 16_000, '22khz': 22_050, '24khz': 24_000 };

/** Reads the request; what it does not understand it leaves aside. */
export function askedSong({ input }: StartRequest): AskedSong {
  const format = input['output_format'];
  const [kind, rate = ''] = typeof format === 'string' ? format.split('_') : [];
  const isWav = kind === 'wav';
  return {
    count: Math.min(COUNT_MAX, Math.max(1, Number(input['n'] ?? 1))),
    seconds: Math.min(SECONDS_MAX, Number(input['music_length_ms'] ?? SECONDS_DEFAULT * 1_000) / 1_000),
    format: isWav ? 'wav' : 'mp3',
    hertz: isWav ? (RATES[rate] ?? CD_HERTZ) : CD_HERTZ,
  };
}
