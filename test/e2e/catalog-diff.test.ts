import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { Double, DoubleAnswer } from '../../server/src/doubles/double.ts';
import { runDouble, type RunningDouble } from '../../server/src/doubles/run-double.ts';
import { loadDouble, type DoubleId } from '../../server/src/commands/vendors.ts';
import { startCommand } from '../support/server.ts';

interface Report {
  model: string;
  upstreamModel: string;
  state: string;
  compared: string;
  differences: { kind: string; field: string; text: string }[];
  offers: { field: string; values: unknown[] | null }[];
  text: string | null;
}

/** A provider whose answers to `GET` are changed on their way out, as if it had changed its models. */
async function startChanged(id: DoubleId, change: (body: string) => string): Promise<RunningDouble> {
  const honest = await loadDouble(id);
  const changed: Double = {
    ...honest,
    handle: async (request, desk): Promise<DoubleAnswer> => {
      const answer = await honest.handle(request, desk);
      const isChanged = request.method === 'GET' && answer.kind === 'whole' && typeof answer.body === 'string';
      if (!isChanged) return answer;
      const headers = Object.entries(answer.headers).filter(([name]) => name !== 'content-length');
      return { ...answer, headers: Object.fromEntries(headers), body: change(String(answer.body)) };
    },
  };
  return runDouble(changed);
}

describe('an operator who holds the routes against what providers publish', () => {
  let folder: string;
  const running: RunningDouble[] = [];
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lumegate-diff-'));
  });
  after(async () => {
    await Promise.all(running.map((double) => double.close()));
    await rm(folder, { recursive: true, force: true });
  });

  const start = async (id: DoubleId, change: (body: string) => string = (body) => body): Promise<RunningDouble> => {
    const double = await startChanged(id, change);
    running.push(double);
    return double;
  };
  const diff = async (double: RunningDouble, words: readonly string[], env: Record<string, string> = {}) => {
    const command = startCommand(['catalog', 'diff', ...words], {
      LUMEGATE_DATA_DIR: path.join(folder, `data-${running.length}`),
      LUMEGATE_ALLOW_PRIVATE_URLS: 'on',
      ...double.settings,
      ...env,
    });
    const { code } = await command.waitForExit();
    return { code, text: command.outputLines.join('\n'), errors: command.errorLines.join('\n') };
  };
  const reportsIn = (text: string): Report[] => {
    // Safe: what the command writes is under test, field by field.
    const { routes } = JSON.parse(text) as { routes: Report[] };
    return routes;
  };

  for (const id of ['replicate', 'fal'] as const) {
    it(`hears that each route of ${id} is as published, and buys nothing`, async () => {
      const double = await start(id);
      const { code, text, errors } = await diff(double, [id, '--json']);
      const reports = reportsIn(text);
      const others = reports.filter(({ state }) => state !== 'same');
      assert.deepEqual(others, [], errors);
      assert.ok(reports.length > 70 && reports.every(({ compared }) => compared === 'input'), String(reports.length));
      assert.equal(code, 0);
      assert.deepEqual(await double.ledger(), []);
    });
  }

  it('hears of a field that was renamed, of a word that is refused, and of what is new', async () => {
    const double = await start('replicate', (body) => {
      const input = /"generate_audio":/.test(body);
      return input
        ? body
            .replace('"generate_audio":', '"with_sound":')
            .replace(/"duration":\{[^}]*\}/, '"duration":{"type":"integer","enum":[5,15]}')
        : body;
    });
    const { code, text } = await diff(double, ['replicate', '--only', 'kling-2.6', '--json']);
    const [report] = reportsIn(text);
    assert.equal(code, 1);
    assert.equal(report?.state, 'differs');
    assert.deepEqual(
      report.differences.map(({ kind, field }) => [kind, field]),
      [
        ['refused-value', 'duration'],
        ['unknown-field', 'generate_audio'],
      ],
    );
    assert.match(report.differences[0]?.text ?? '', /10 is none of 5, 15/);
    assert.ok(report.offers.some(({ field }) => field === 'with_sound'));
    assert.deepEqual(report.offers.find(({ field }) => field === 'duration')?.values, [15]);
    const plain = await diff(double, ['replicate', '--only', 'kling-2.6']);
    assert.match(plain.text, /kling-2\.6 {2}replicate kwaivgi\/kling-v2\.6 {2}DIFFERS/);
    assert.match(plain.text, /1 routes: 0 as published, 1 differ/);
  });

  it('hears of an endpoint that is on its way out, and of one that is gone', async () => {
    const old = await start('fal', (body) => body.replace('"status":"active"', '"status":"deprecated"'));
    const deprecated = await diff(old, ['fal', '--only', 'kling-2.6', '--json']);
    assert.deepEqual(
      reportsIn(deprecated.text).map(({ state }) => state),
      ['deprecated', 'deprecated'],
    );
    const empty = await start('fal', (body) => body.replace(/"models":\[.*\],"next/, '"models":[],"next'));
    const gone = await diff(empty, ['fal', '--only', 'kling-2.6', '--json']);
    assert.deepEqual([...new Set(reportsIn(gone.text).map(({ state }) => state))], ['gone']);
    assert.deepEqual([deprecated.code, gone.code], [1, 1]);
  });

  it('hears by name alone where inputs are not published, from one question', async () => {
    const double = await start('google');
    const { code, text } = await diff(double, ['google', '--json']);
    const reports = reportsIn(text);
    assert.ok(reports.length > 10 && reports.every(({ state, compared }) => state === 'same' && compared === 'name'));
    assert.equal(code, 0);
    assert.equal(double.state().requests, 1);
    const less = await start('google', (body) => body.replace('models/veo-3.0-generate-001', 'models/other'));
    const gone = reportsIn((await diff(less, ['google', '--json'])).text).filter(({ state }) => state === 'gone');
    assert.deepEqual(
      gone.map(({ upstreamModel }) => upstreamModel),
      ['veo-3.0-generate-001:predictLongRunning'],
    );
  });

  it('hears of what a server of the OpenAI shape has on its list', async () => {
    const listed = async (change?: (body: string) => string): Promise<string[][]> => {
      const double = await start('openai-images', change);
      const together = { LUMEGATE_PROVIDER_TOGETHER_URL: `${double.url}/v1`, TOGETHER_API_KEY: double.key ?? '' };
      const { text } = await diff(double, ['together', '--only', 'flux-1.1-pro', '--json'], together);
      return reportsIn(text).map(({ model, state, compared }) => [model, state, compared]);
    };
    assert.deepEqual(await listed(), [['flux-1.1-pro', 'same', 'name']]);
    const gone = await listed((body) => body.replace('FLUX.1.1-pro', 'FLUX.9'));
    assert.deepEqual(gone, [['flux-1.1-pro', 'gone', 'name']]);
  });

  it('is not shown a stranger’s control characters on the terminal', async () => {
    const double = await start('replicate', (body) => body.replace('"generate_audio":', '"\\u001b[2Jsound":'));
    const { text } = await diff(double, ['replicate', '--only', 'kling-2.6']);
    assert.match(text, / \[2Jsound/);
    assert.ok(!text.includes('\u001b'));
  });

  it('is not told with a wrong key, and shows the key nowhere', async () => {
    const double = await start('replicate');
    const secret = 'a-key-that-nobody-knows';
    const words = ['replicate', '--only', 'kling-2.6', '--json'];
    const { code, text, errors } = await diff(double, words, { REPLICATE_API_TOKEN: secret });
    assert.equal(code, 1);
    assert.equal(reportsIn(text)[0]?.state, 'unsure');
    assert.ok(!text.includes(secret) && !errors.includes(secret));
  });

  it('is told what is missing where there is nothing to ask', async () => {
    const double = await start('kling');
    const { code, errors } = await diff(double, ['kling']);
    assert.notEqual(code, 0);
    assert.match(errors, /kling publishes nothing about its models/);
  });
});
