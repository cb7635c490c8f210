import { systemClock } from '../../server/src/core/clock.ts';
import { systemRandom } from '../../server/src/core/random.ts';
import { makeKey } from '../../server/src/teams/key-format.ts';
import { insertKey, revokeKey, setKeyStatus } from '../../server/src/teams/keys.ts';
import { insertUser, type Role } from '../../server/src/teams/teams.ts';
import { readDescription, type Description } from '../contract/description.ts';
import { addTeam, firstTeamId, openStage, type Stage } from '../contract/stage.ts';
import { sampleVideo } from '../support/sample-media.ts';
import type { ServerEngine } from '../support/server.ts';
import { openSender, type FuzzAnswer, type FuzzRequest, type Sender } from './send.ts';
import { watchStore, type StoreWatch } from './store-watch.ts';
import type { FileUrl } from './valid-bodies.ts';

const random = systemRandom();
const clock = systemClock();

/** Every kind of key that a caller can come with. */
export type KeyName =
  | 'owner'
  | 'operator'
  | 'member'
  | 'admin'
  | 'stranger'
  | 'test'
  | 'revoked'
  | 'expired'
  | 'inactive'
  | 'unknown'
  | 'checksum';

/** Jobs that stay as they are while the requests are played. */
export interface FixtureJobs {
  open: string;
  cancelled: string;
  ofMember: string;
  ofTest: string;
  foreign: string;
  /** Trains the owner's LoRA. */
  training: string;
}

/** A server that only answers (no worker moves a row by itself), the people who call it, and a look into its store. */
export interface FuzzWorld {
  stage: Stage;
  sender: Sender;
  watch: StoreWatch;
  openApi: OpenApi;
  description: Description;
  keys: Record<KeyName, string>;
  jobs: FixtureJobs;
  /** An upload of the owner, as its URL and as its path. */
  upload: { url: string; path: string };
  /** An asset of the owner. */
  assetId: string;
  /** A LoRA of the owner, which waits for its training. */
  loraId: string;
  /** An upload of the owner of the kind that a parameter of this name takes. */
  fileUrl: FileUrl;
  send(request: Partial<FuzzRequest> & { target: string }): Promise<FuzzAnswer>;
  close(): Promise<void>;
}

/** The parts of the document that the generators read. */
export interface OpenApi {
  paths: Record<string, Record<string, { operationId: string; security: unknown[]; parameters?: unknown[] }>>;
  components: { schemas: Record<string, { oneOf?: RequestSchema[] }> };
}

/** The schema of one model's request. */
export interface RequestSchema {
  properties: Record<string, ValueSchema> & { model: ValueSchema & { enum: string[] } };
  required?: string[];
  /** Of a model that was retired. */
  deprecated?: boolean;
}

/** The part of JSON Schema that requests use. */
export interface ValueSchema {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  enum?: (string | number)[];
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: ValueSchema;
  examples?: (string | number)[];
  properties?: Record<string, ValueSchema>;
  required?: string[];
}

/** No request runs into these; the limits have tests of their own. */
const PLENTY = {
  LUMEGATE_START_CREDITS: '1000000000',
  LUMEGATE_RATE_PER_MINUTE: '0',
  LUMEGATE_TEAM_QUEUE: '1000000',
  LUMEGATE_TEAM_TRAININGS: '100000',
};

/** A PNG of one pixel. */
export const TINY_PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Starts everything; `env` goes over the usual settings. */
export async function openFuzzWorld(engine: ServerEngine, env: Record<string, string> = {}): Promise<FuzzWorld> {
  const stage = await openStage(engine, { env: { LUMEGATE_ROLES: 'api', ...PLENTY, ...env } });
  const sender = openSender(stage.server.url);
  try {
    const keys = await makeKeys(stage);
    const send: FuzzWorld['send'] = (request) => sender.send({ method: 'GET', headers: {}, body: null, ...request });
    const document = await send({ target: '/v2/openapi.json' });
    // Safe: a document of another form makes the first generator throw.
    const openApi = JSON.parse(document.text) as OpenApi;
    const watch = await watchStore(stage.place);
    const upload = await makeUpload(send, keys.owner, TINY_PNG);
    const video = await makeUpload(send, keys.owner, await sampleVideo());
    const lora = await makeLora(send, keys.owner);
    return {
      stage,
      sender,
      watch,
      openApi,
      description: readDescription(openApi, { unknownOperation: 'problem' }),
      keys,
      jobs: await makeJobs(send, { keys, training: lora.jobId }),
      upload,
      assetId: await makeAsset(send, keys.owner, upload.url),
      loraId: lora.id,
      fileUrl: (parameter) => (/video|clip/.test(parameter) ? video : upload).url,
      send,
      close: async () => {
        sender.close();
        await watch.close();
        await stage.close();
      },
    };
  } catch (error) {
    sender.close();
    await stage.close();
    throw error;
  }
}

async function makeKeys(stage: Stage): Promise<Record<KeyName, string>> {
  const teamId = await firstTeamId(stage);
  const { database } = stage.store;
  const keyOf = (
    role: Role,
    wanted: { mode?: 'live' | 'test'; expiresAt?: number; isAdmin?: boolean } = {},
  ): ReturnType<typeof insertKey> => addUserKey(stage, { teamId, role, mode: 'live', ...wanted });
  const revoked = await keyOf('OWNER');
  await revokeKey(database, { keyId: revoked.key.id, now: clock.now() });
  const inactive = await keyOf('OWNER');
  await setKeyStatus(database, { keyId: inactive.key.id, status: 'inactive' });
  const owner = stage.server.key;
  const [member, admin, expired] = [
    await keyOf('MEMBER'),
    await keyOf('ADMIN'),
    await keyOf('OWNER', { expiresAt: 1 }),
  ];
  return {
    owner,
    operator: (await keyOf('OWNER', { isAdmin: true })).text,
    member: member.text,
    admin: admin.text,
    stranger: (await addTeam(stage, 1_000_000)).text,
    // Of the first owner himself, so that the mode alone keeps his live jobs from it.
    test: stage.server.testKey ?? '',
    revoked: revoked.text,
    expired: expired.text,
    inactive: inactive.text,
    unknown: makeKey(random, 'live'),
    checksum: `${member.text.slice(0, -1)}${member.text.endsWith('0') ? '1' : '0'}`,
  };
}

function addUserKey(
  { store }: Stage,
  wanted: { teamId: string; role: Role; mode: 'live' | 'test'; expiresAt?: number; isAdmin?: boolean },
): ReturnType<typeof insertKey> {
  const { newId, database, vault } = store;
  const now = clock.now();
  return database.transaction(async (tx) => {
    const email = `${newId()}@example.com`;
    const user = await insertUser(tx, { newId, now, teamId: wanted.teamId, email, role: wanted.role });
    const name = wanted.role.toLowerCase();
    return insertKey(tx, { newId, now, random, vault, userId: user.id, name, maxConcurrentJobs: null, ...wanted });
  });
}

/** The shortest body that makes a job. */
export const SMALL_BODY = { model: 'flux-1.1-pro', prompt: 'a lighthouse' } as const;

async function makeJobs(
  send: FuzzWorld['send'],
  { keys, training }: { keys: Record<KeyName, string>; training: string },
): Promise<FixtureJobs> {
  const submit = async (key: string): Promise<string> => {
    const answer = await send(jsonRequest({ target: '/v2/images/generate', key, body: SMALL_BODY }));
    if (answer.status !== 202) throw new Error(`a fixture was refused: ${answer.text}`);
    // Safe: a 202 of ours has this shape; anything else fails the first test that uses the id.
    return (JSON.parse(answer.text) as { jobId: string }).jobId;
  };
  const cancelled = await submit(keys.owner);
  await send({ method: 'POST', target: `/v2/jobs/${cancelled}/cancel`, headers: { 'x-api-key': keys.owner } });
  return {
    open: await submit(keys.owner),
    cancelled,
    ofMember: await submit(keys.member),
    ofTest: await submit(keys.test),
    foreign: await submit(keys.stranger),
    training,
  };
}

async function makeUpload(send: FuzzWorld['send'], key: string, bytes: Buffer): Promise<FuzzWorld['upload']> {
  const answer = await send(uploadRequest(key, { name: 'tiny', bytes }));
  // Safe: as above.
  const { url } = JSON.parse(answer.text) as { url: string };
  return { url, path: new URL(url).pathname };
}

async function makeAsset(send: FuzzWorld['send'], key: string, url: string): Promise<string> {
  const answer = await send(jsonRequest({ target: '/v2/assets/create', key, body: { url, type: 'image' } }));
  // Safe: as above.
  return (JSON.parse(answer.text) as { assetId: string }).assetId;
}

async function makeLora(send: FuzzWorld['send'], key: string): Promise<{ id: string; jobId: string }> {
  const picture = { name: 'images', file: 'tiny.png', bytes: TINY_PNG };
  const fields = { name: 'tiny', subjectKind: 'object' };
  const texts = Object.entries(fields).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
  const answer = await send(formRequest('/v2/loras', key, [...texts, ...Array.from({ length: 15 }, () => picture)]));
  // Safe: as above.
  return JSON.parse(answer.text) as { id: string; jobId: string };
}

/** A POST of JSON with a key. */
export function jsonRequest({ target, key, body }: { target: string; key: string; body: unknown }): FuzzRequest {
  const headers = { 'x-api-key': key, 'content-type': 'application/json' };
  return { method: 'POST', target, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** A POST of one file, as a browser sends it. */
export function uploadRequest(
  key: string,
  file: { name: string; bytes: Buffer; type?: string; field?: string },
): FuzzRequest {
  const { name, bytes, type, field = 'file' } = file;
  return formRequest('/v2/uploads', key, [{ name: field, file: name, bytes, ...(type === undefined ? {} : { type }) }]);
}

/** One part of a form: a text, or a file where it has a file's name. */
export interface FormPart {
  name: string;
  bytes: Buffer;
  file?: string;
  type?: string;
}

/** A POST of a form with a key. */
export function formRequest(target: string, key: string, parts: readonly FormPart[]): FuzzRequest {
  const boundary = 'lumegate-fuzz-boundary';
  const chunks = parts.flatMap(({ name, bytes, file, type = 'application/octet-stream' }) => {
    const about = file === undefined ? '' : `; filename="${file}"\r\nContent-Type: ${type}`;
    return [
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${about}\r\n\r\n`),
      bytes,
      Buffer.from('\r\n'),
    ];
  });
  const headers = { 'x-api-key': key, 'content-type': `multipart/form-data; boundary=${boundary}` };
  return { method: 'POST', target, headers, body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]) };
}
