import { startBare, startGateway, type Target } from './processes.ts';
import type { BenchEngine } from './stores.ts';
import { compete, readContestant, type Bench, type Rounds } from './throughput.ts';

const PATH = '/v2/models';

/** The names of the contestants in the report. */
export const MODELS_NAMES = { gateway: 'gateway', bare: 'bare node:http with the bytes at hand' } as const;

/** The whole catalogue, asked for again and again: the gateway beside a bare handler that holds the same bytes. */
export async function measureModels(bench: Bench, engine: BenchEngine): Promise<{ rounds: Rounds[]; bytes: number }> {
  const targets: Target[] = [];
  try {
    const gateway = await startGateway(await engine.newStore());
    targets.push(gateway);
    const bodyText = await (await fetch(`http://127.0.0.1:${gateway.port}${PATH}`)).text();
    const bare = await startBare({ kind: 'bytes', bodyText });
    targets.push(bare);
    const request = { path: PATH, headers: {} };
    const contestants = [
      readContestant(MODELS_NAMES.gateway, gateway, request),
      readContestant(MODELS_NAMES.bare, bare, request),
    ];
    return { rounds: await compete(bench, contestants), bytes: Buffer.byteLength(bodyText) };
  } finally {
    await Promise.all(targets.map((target) => target.stop()));
  }
}
