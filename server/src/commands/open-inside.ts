import path from 'node:path';

import type { InsideProvider } from '../core/inside-port.ts';
import type { MediaPort } from '../core/media-port.ts';
import { startTools } from '../files/media/start-tools.ts';
import { startRemover } from '../files/remover/start-remover.ts';
import { CUTOUT, LOCAL, openLocalService, type LocalService, type LocalWorld } from '../local/local-service.ts';
import { openGenerationStore } from '../sandbox/generation-store.ts';
import { createSandbox } from '../sandbox/sandbox-service.ts';
import type { Machine } from './open-store.ts';
import { openPainter } from './open-painter.ts';
import { SDXS } from './painter.ts';
import { toolsProblem } from './tools-problem.ts';

/** The providers inside this process, and the ends that must be closed with them. */
export interface Inside {
  providers: Readonly<Record<string, InsideProvider>>;
  /** Why one of them cannot be used, or null. */
  problemOf(provider: string): string | null;
  /** Deletes forgotten generations and results. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

/** Generations and results are kept this long, as providers keep theirs for an hour or so. */
const KEPT_MS = 3_600_000;

/** Opens the sandbox and the tools that need no vendor over folders of their own in the data folder. */
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
  const remover = startRemover({ clock, log, program: settings.backgroundRemover });
  const painter = openPainter({ settings, tools, log });
  const kits: ReadonlyMap<string, Pick<LocalWorld, 'tools' | 'problem'>> = new Map([
    [LOCAL, { tools: { double: tools.double }, problem: tools.problem }],
    [CUTOUT, { tools: { cut: remover.cut }, problem: remover.problem }],
    [SDXS, { tools: { paint: painter.paint }, problem: painter.problem }],
  ]);
  const services: Record<string, LocalService> = {};
  for (const [id, kit] of kits)
    services[id] = await openLocalService({ ...kit, folder: path.join(dataFolder, id), log, closing, fetchInput });
  return {
    providers: { sandbox, ...services },
    problemOf: (provider) => kits.get(provider)?.problem() ?? null,
    sweep: async () => {
      await store.sweep(clock.now() - KEPT_MS);
      for (const service of Object.values(services)) await service.sweep(clock.now() - KEPT_MS);
    },
    close: async () => {
      await Promise.all([tools.close(), remover.close()]);
    },
  };
}
