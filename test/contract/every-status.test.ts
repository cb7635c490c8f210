import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { ACTION_OPERATIONS, OPERATIONS } from '../../server/src/catalog/model.ts';
import { submitId } from '../../server/src/http/openapi-facts.ts';
import { setKeyStatus } from '../../server/src/teams/keys.ts';
import { sampleVideo } from '../support/sample-media.ts';
import { serverEngines, type ServerEngine } from '../support/server.ts';
import { damageSqlite, openLine, type CuttableLine } from './broken-store.ts';
import { fileForm, fileParts, goodCall, missingCalls, trainingForm, wrongCalls, type Props } from './calls.ts';
import { readDescription, type Description } from './description.ts';
import { addKey, addTeam, firstTeamId, openStage, type Stage, type StageKey } from './stage.ts';
import { openWire, type Wire, type WireAnswer, type WireCall } from './wire.ts';

/** Every operation that makes a job. */
const ALL_SUBMITS = [...OPERATIONS, ...ACTION_OPERATIONS].map(submitId);

/** The contract that we speak is not a part of the project; whoever has it names its file. */
const REFERENCE_FILE = process.env['LUMEGATE_REFERENCE_CONTRACT'];

/** Why nothing can be held against the reference here, or false. */
function whyNoReference(): string | false {
  if (REFERENCE_FILE === undefined) return 'LUMEGATE_REFERENCE_CONTRACT names no file';
  return existsSync(REFERENCE_FILE) ? false : `there is no file ${REFERENCE_FILE}`;
}

for (const engine of serverEngines()) {
  describe(`every operation at every status that it documents, on ${engine.name}`, { skip: engine.skip }, () => {
    const scene = createScene(engine);
    before(() => scene.open());
    after(() => scene.close());

    it('answers well where nothing is wrong', () => playGood(scene));
    it('answers 400 to what is wrong', () => playForEach(scene, 400, (id) => wrongCalls(id, scene.props)));
    it('answers 401 without a key, and with an unknown one', () =>
      playForEach(scene, 401, (id) =>
        [null, '', 'afk_unknown', `afk_${'x'.repeat(40)}`].map((key) => ({ ...good(scene, id), key })),
      ));
    it('answers 402 where credits are missing', () => playPoor(scene));
    it('answers 403 to a key that is switched off', () => playInactive(scene));
    it('answers 403 to a member who asks for the team’s jobs', () => playMember(scene));
    it('answers 403 to whoever is no admin, and may not see the team’s provider keys', () => playNoAdmin(scene));
    it('answers 404 for what is missing, and for what is another team’s', () =>
      playForEach(scene, 404, (id) => missingCalls(id, scene.props, scene.foreignJobId)));
    it('answers 409 where something happened before', () => playConflict(scene));
    it('answers 416 beyond the end of a file', async () => {
      await play(scene, 416, { ...good(scene, 'serveFile'), headers: { range: 'bytes=999999-' } });
    });
    it('answers 429 to a full queue, and to a key that asks too often', () => playTooMuch(scene));
    it('answers 502 where files cannot be stored', () => playNoFiles(scene));
    it('answers 503 while the store is not there', () => playNoStore(scene));

    it('has produced every documented pair of operation and status', () => {
      const produced = new Set(scene.exchanges.map(({ method, path, status }) => `${method} ${path} ${status}`));
      const documented = scene.description.operations.flatMap(({ method, path, statuses }) =>
        statuses.map((status) => `${method} ${path} ${status}`),
      );
      assert.ok(documented.length > 80, `the document lists ${documented.length} pairs only`);
      assert.deepEqual(
        documented.filter((pair) => !produced.has(pair)),
        [],
      );
    });
    it('has answered as our own description says', () => {
      assert.deepEqual(problemsOf(scene, scene.description), []);
    });
    it('has answered as the reference contract says', { skip: whyNoReference() }, () => {
      const document: unknown = JSON.parse(readFileSync(REFERENCE_FILE ?? '', 'utf8'));
      const reference = readDescription(document, {
        unknownOperation: 'ignore',
        otherwise: '/components/schemas/ErrorResponse',
      });
      const described = new Set(reference.operations.map((operation) => `${operation.method} ${operation.path}`));
      const shared = scene.exchanges.filter((exchange) => described.has(`${exchange.method} ${exchange.path}`));
      assert.ok(shared.length > 50, `only ${shared.length} answers are of operations that the reference has`);
      assert.deepEqual(problemsOf(scene, reference), []);
    });
  });
}

interface Scene {
  stage: Stage;
  /** Few requests, a short queue, and nobody who works. */
  tight: Stage;
  wire: Wire;
  exchanges: WireAnswer[];
  description: Description;
  props: Props;
  member: StageKey;
  foreignJobId: string;
  line: CuttableLine | null;
  open(): Promise<void>;
  close(): Promise<void>;
}

function createScene(engine: ServerEngine): Scene {
  // Safe: `open` runs before every test and sets the rest.
  const scene = { exchanges: [] as WireAnswer[], line: null } as unknown as Scene;
  scene.open = async () => {
    const through = async (databaseUrl: string): Promise<string> => {
      scene.line = await openLine(databaseUrl);
      return scene.line.databaseUrl;
    };
    scene.stage = await openStage(engine, { through, env: { LUMEGATE_START_CREDITS: '5000' } });
    const { server } = scene.stage;
    const document: unknown = await (await fetch(`${server.url}/v2/openapi.json`)).json();
    scene.description = readDescription(document, { unknownOperation: 'problem' });
    scene.wire = openWire(server.url, scene.description, scene.exchanges);
    scene.tight = await openStage(engine, {
      env: { LUMEGATE_ROLES: 'api', LUMEGATE_TEAM_QUEUE: '1', LUMEGATE_RATE_PER_MINUTE: '2' },
    });
    scene.member = await addKey(scene.stage, { teamId: await firstTeamId(scene.stage), role: 'MEMBER' });
    const admin = await addKey(scene.stage, { teamId: scene.member.teamId, role: 'OWNER', isAdmin: true });
    const props = {
      key: server.key,
      adminKey: admin.text,
      jobId: '',
      assetId: '',
      uploadUrl: '',
      videoUrl: '',
      gridJobId: '',
      songJobId: '',
      loraId: '',
    };
    const upload = await scene.wire.send(goodCall('createUpload', props));
    const video = await scene.wire.send({ ...goodCall('createUpload', props), body: fileForm(await sampleVideo()) });
    scene.props = { ...props, uploadUrl: String(upload.json?.['url']), videoUrl: String(video.json?.['url']) };
    const asset = await scene.wire.send(good(scene, 'createAsset'));
    scene.props.assetId = String(asset.json?.['assetId']);
    const lora = await scene.wire.send(good(scene, 'createLora'));
    scene.props.loraId = String(lora.json?.['id']);
    scene.props.jobId = await runJob(scene, server.key, { prompt: 'a lighthouse at dawn' });
    scene.props.gridJobId = await runJob(scene, server.key, GRID.body);
    scene.props.songJobId = await runJob(scene, server.key, SONG.body, SONG.operation);
    const other = await addTeam(scene.stage, 100);
    scene.foreignJobId = await runJob(scene, other.text, { prompt: 'a lighthouse of somebody else' });
  };
  scene.close = async () => {
    await Promise.all([scene.tight?.close(), scene.stage?.close()]);
    await scene.line?.cut();
  };
  return scene;
}

function good(scene: Scene, operation: string): WireCall {
  return goodCall(operation, scene.props);
}

async function play(scene: Pick<Scene, 'wire'>, status: number, call: WireCall): Promise<WireAnswer> {
  const answer = await scene.wire.send(call);
  assert.equal(answer.status, status, `${JSON.stringify(call)}: ${answer.text.slice(0, 300)}`);
  return answer;
}

/** Plays the calls for each operation that documents the status; each must be answered so. */
async function playForEach(scene: Scene, status: number, callsOf: (operation: string) => WireCall[]): Promise<void> {
  const operations = scene.description.operations.filter((operation) => operation.statuses.includes(status));
  assert.notEqual(operations.length, 0);
  for (const { id } of operations) {
    for (const call of callsOf(id)) await play(scene, status, call);
  }
}

/** Submits a job and waits for its end. */
async function runJob(
  scene: Pick<Scene, 'wire'>,
  key: string,
  body: { prompt: string; model?: string },
  operation = 'imagesGenerate',
): Promise<string> {
  const accepted = await play(scene, 202, {
    operation,
    key,
    json: { model: 'flux-1.1-pro', ...body },
  });
  const id = String(accepted.json?.['jobId']);
  const ended = await play(scene, 200, { operation: 'getJob', key, parts: { id }, query: '?wait=60' });
  assert.notEqual(ended.json?.['completedAt'], null, ended.text);
  return id;
}

async function playGood(scene: Scene): Promise<void> {
  const { key, jobId } = scene.props;
  for (const { id } of scene.description.operations) {
    if (id === 'cancelJob' || id === 'removeProviderKey' || id === 'removeOwnProviderKey') continue;
    const answer = await scene.wire.send(good(scene, id));
    assert.ok(answer.status < 300, `${id}: ${answer.status} ${answer.text}`);
    const etag = answer.headers.get('etag');
    if (etag !== null) await play(scene, 304, { ...good(scene, id), headers: { 'if-none-match': etag } });
  }
  await play(scene, 204, { ...good(scene, 'jobEvents'), headers: { 'last-event-id': '999999' } });
  await play(scene, 200, { ...good(scene, 'listModels'), query: '?modality=image' });
  await play(scene, 200, { operation: 'me', key: scene.member.text });
  await play(scene, 200, { operation: 'me', key: scene.stage.server.testKey });
  const job = await play(scene, 200, good(scene, 'getJob'));
  assert.equal(job.json?.['status'], 'COMPLETED', job.text);
  // Safe: a completed picture job has its addresses here, which the description cannot say.
  const result = job.json?.['result'] as { images: string[] };
  const [imageUrl = ''] = result.images;
  const part = await play(scene, 206, {
    operation: 'serveFile',
    parts: fileParts(imageUrl),
    headers: { range: 'bytes=0-99' },
  });
  assert.equal(part.bytes.length, 100);
  await giveAndTakeKeys(scene);
  await runJob(scene, key, { prompt: 'sandbox:refuse' });
  await cancelSlowJob(scene);
  for (const operation of ALL_SUBMITS) await play(scene, 202, good(scene, operation));
  for (const query of [
    'limit=1',
    'status=FAILED',
    'status=CANCELLED',
    'model=flux-1.1-pro',
    'scope=team',
    `search=${jobId}`,
    'include_models=true',
  ]) {
    const page = await play(scene, 200, { operation: 'listJobs', key, query: `?${query}` });
    // Safe: the description demands a list here.
    const jobs = page.json?.['jobs'] as unknown[];
    assert.notEqual(jobs.length, 0, query);
  }
}

async function giveAndTakeKeys(scene: Scene): Promise<void> {
  const given = await play(scene, 201, good(scene, 'addProviderKey'));
  const keyId = String(given.json?.['id']);
  await play(scene, 200, good(scene, 'listProviders'));
  const removal = good(scene, 'removeProviderKey');
  await play(scene, 204, { ...removal, parts: { ...removal.parts, keyId } });
  const own = await play(scene, 201, good(scene, 'addOwnProviderKey'));
  await play(scene, 200, good(scene, 'listOwnProviderKeys'));
  await play(scene, 204, { ...good(scene, 'removeOwnProviderKey'), parts: { id: String(own.json?.['id']) } });
}

async function cancelSlowJob(scene: Scene): Promise<void> {
  const { key } = scene.props;
  const accepted = await play(scene, 202, {
    operation: 'imagesGenerate',
    key,
    json: { model: 'flux-1.1-pro', prompt: 'sandbox:never' },
  });
  const parts = { id: String(accepted.json?.['jobId']) };
  await play(scene, 200, { operation: 'getJob', key, parts, query: '?wait=1' });
  const cancelled = await play(scene, 200, { operation: 'cancelJob', key, parts });
  assert.equal(cancelled.json?.['status'], 'CANCELLED', cancelled.text);
}

async function playPoor(scene: Scene): Promise<void> {
  const poor = await addTeam(scene.stage, 2);
  const actions = ACTION_OPERATIONS.map(submitId);
  const [grid, song] = [await ownerOf(scene, GRID, 18), await ownerOf(scene, SONG, 13)];
  const parents = { gridJobId: grid.jobId, songJobId: song.jobId };
  for (const [index, { key }] of [grid, song].entries())
    await play(scene, 402, { ...goodCall(actions[index] ?? '', { ...scene.props, ...parents }), key });
  await playForEach(scene, 402, (id) => {
    if (actions.includes(id)) return [];
    // An upload is found by its address, whoever has made it.
    return [{ ...good(scene, id), key: poor.text }];
  });
  const refused = scene.exchanges.filter(({ status }) => status === 402).map(({ json }) => json);
  const flux = refused.find((json) => json?.['creditsRequired'] === 5);
  assert.deepEqual(flux, { error: 'Insufficient credits', creditsRequired: 5, creditsAvailable: 2 });
}

const GRID = { body: { model: 'midjourney', prompt: 'a grid' }, operation: 'imagesGenerate' };
const SONG = { body: { model: 'suno', prompt: 'a song' }, operation: 'musicGenerate' };

/** A new team that has spent nearly all its credits on a job. */
async function ownerOf(
  scene: Scene,
  { body, operation }: typeof GRID,
  credits: number,
): Promise<{ key: string; jobId: string }> {
  const { text: key } = await addTeam(scene.stage, credits);
  return { key, jobId: await runJob(scene, key, body, operation) };
}

async function playInactive(scene: Scene): Promise<void> {
  const key = await addKey(scene.stage, { teamId: scene.member.teamId, role: 'MEMBER' });
  assert.equal(await setKeyStatus(scene.stage.store.database, { keyId: key.id, status: 'inactive' }), true);
  await playForEach(scene, 403, (id) => [{ ...good(scene, id), key: key.text }]);
}

async function playMember(scene: Scene): Promise<void> {
  await play(scene, 403, { operation: 'listJobs', key: scene.member.text, query: '?scope=team' });
}

async function playNoAdmin(scene: Scene): Promise<void> {
  for (const { id, path } of scene.description.operations) {
    if (path.startsWith('/admin/')) await play(scene, 403, { ...good(scene, id), key: scene.props.key });
    if (path.startsWith('/v2/provider-keys')) await play(scene, 403, { ...good(scene, id), key: scene.member.text });
  }
}

async function playConflict(scene: Scene): Promise<void> {
  for (const operation of ALL_SUBMITS) {
    const call = { ...good(scene, operation), headers: { 'idempotency-key': `conflict-${operation}` } };
    await play(scene, 202, call);
    // Safe: all have an object as their body.
    await play(scene, 409, { ...call, json: { ...(call.json as object), webhookEvents: ['completed'] } });
  }
  const training = { ...good(scene, 'createLora'), headers: { 'idempotency-key': 'conflict-training' } };
  await play(scene, 202, training);
  await play(scene, 409, { ...training, body: trainingForm({ name: 'Another dot' }, 15) });
  await play(scene, 409, good(scene, 'cancelJob'));
}

async function playTooMuch(scene: Scene): Promise<void> {
  const { tight, description, exchanges } = scene;
  const crowd = { wire: openWire(tight.server.url, description, exchanges) };
  const { key } = tight.server;
  await play(crowd, 202, { ...good(scene, 'imagesGenerate'), key });
  const full = await play(crowd, 429, { ...good(scene, 'imagesGenerate'), key });
  assert.equal(full.json?.['error'], 'Too many jobs are waiting for this team');
  for (const { id } of description.operations.filter(({ statuses }) => statuses.includes(429))) {
    const answer = await play(crowd, 429, { ...good(scene, id), key });
    assert.equal(answer.json?.['error'], 'Rate limit exceeded');
  }
}

/** The folder in which new files begin gives way to a file, and comes back. */
async function playNoFiles(scene: Scene): Promise<void> {
  const folder = join(scene.stage.place.dataFolder, 'blobs', 'tmp');
  await rename(folder, `${folder}-away`);
  await writeFile(folder, '');
  await playForEach(scene, 502, (id) => [good(scene, id)]);
  await rename(folder, `${folder}-file`);
  await rename(`${folder}-away`, folder);
  await play(scene, 201, good(scene, 'createUpload'));
}

/** The last scene: nothing comes after the end of the store. */
async function playNoStore(scene: Scene): Promise<void> {
  if (scene.line === null) await damageSqlite(scene.stage.place.dataFolder);
  else await scene.line.cut();
  await playForEach(scene, 503, (id) => [good(scene, id)]);
  await play(scene, 200, { operation: 'healthz' });
  // Draining would take 10 s, since broken runs go on trying; that a server without a store ends is tested apart.
  await scene.stage.server.kill9();
}

function problemsOf(scene: Scene, description: Description): string[] {
  return scene.exchanges.flatMap((exchange) =>
    description.problems(exchange).map((problem) => {
      return `${exchange.method} ${exchange.path} ${exchange.status}: ${problem}: ${exchange.text.slice(0, 200)}`;
    }),
  );
}
