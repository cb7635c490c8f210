import path from 'node:path';

import type { InsideProvider } from '../core/inside-port.ts';
import type { MediaPort } from '../core/media-port.ts';
import { startTools } from '../files/media/start-tools.ts';
import { LOCAL, openLocalService } from '../local/local-service.ts';
import { openGenerationStore } from '../sandbox/generation-store.ts';
import { createSandbox } from '../sandbox/sandbox-service.ts';
import type { Machine } from './open-store.ts';
import { openPainter } from './open-painter.ts';
import { SDXS } from './painter.ts';
import { toolsProblem } from './tools-problem.ts';

/** The providers inside this process, and the ends that must be closed with them. */
export interface Inside {
  providers: Readonly<Record<string, InsideProvider>>;
  /** Why one of them cannot be used, or null; null for every other provider. */
  problemOf(provider: string): string | null;
  /** Deletes forgotten generations and results. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Generations and results are kept this long, as providers keep theirs for an hour or so. */
const KEPT_MS = 3_600_000;

/** Opens the sandbox and the local tools over folders of their own in the data folder. */
export async function openInside(
  { settings, clock, random, log }: Machine,
  world: {
    media: MediaPort;
    fetchInput: (url: string, to: string) => Promise<boolean>;
    sendCallback: (url: string, body: string) => Promise<void>;
    closing: AbortSignal;
  },
): Promise<Inside> {
  const { media, fetchInput, sendCallback, closing } = world;
  const dataFolder = path.resolve(settings.dataFolder);
  const store = await openGenerationStore(path.join(dataFolder, 'sandbox'));
  const durationMs = settings.sandboxMs;
  const sandbox = createSandbox({ store, media, clock, random, log, durationMs, closing, fetchInput, sendCallback });
  const tools = startTools({ clock, log, problem: toolsProblem(settings) });
  const local = await openLocalService({ folder: path.join(dataFolder, LOCAL), tools, log, closing, fetchInput });
  const painter = openPainter({ settings, tools, log });
  const sdxs = await openLocalService({
    folder: path.join(dataFolder, SDXS),
    tools: painter,
    log,
    closing,
    fetchInput,
  });
  return {
    providers: { sandbox, [LOCAL]: local, [SDXS]: sdxs },
    problemOf: (provider) => {
      if (provider === LOCAL) return tools.problem();
      return provider === SDXS ? painter.problem() : null;
    },
    sweep: async () => {
      await store.sweep(clock.now() - KEPT_MS);
      await local.sweep(clock.now() - KEPT_MS);
      await sdxs.sweep(clock.now() - KEPT_MS);
    },
    close: () => tools.close(),
  };
}
