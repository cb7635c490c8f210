import { randomUUID } from 'node:crypto';

import type { WireCall } from './wire.ts';

/** A whole picture of one pixel. */
export const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** Things that exist on the stage and that requests name. */
export interface Props {
  key: string;
  /** A key that opens the admin routes. */
  adminKey: string;
  /** A job that has ended well. */
  jobId: string;
  /** An uploaded picture. */
  uploadUrl: string;
  /** An asset of the team. */
  assetId: string;
  /** An uploaded video. */
  videoUrl: string;
  /** Jobs that have ended well and upon which something can follow. */
  gridJobId: string;
  songJobId: string;
  /** A LoRA of the team. */
  loraId: string;
}

/** A request of each operation that nothing is wrong with. */
export function goodCall(operation: string, props: Props): WireCall {
  const { key, jobId } = props;
  const providerCall = goodProviderCall(operation, props);
  if (providerCall !== null) return providerCall;
  switch (operation) {
    case 'imagesGenerate':
    case 'estimate':
      return { operation, key, json: { model: 'flux-1.1-pro', prompt: 'a lighthouse at dawn' } };
    case 'imagesEdit':
      return { operation, key, json: editBody(props.uploadUrl) };
    case 'imagesUpscale':
      return { operation, key, json: upscaleBody(props.uploadUrl) };
    case 'imagesBackgroundRemove':
      return { operation, key, json: cutOutBody(props.uploadUrl) };
    case 'videosGenerate':
      return { operation, key, json: { model: 'veo-3.1-lite', prompt: 'waves roll in at dawn' } };
    case 'videosEdit':
      return { operation, key, json: videoEditBody(props.videoUrl) };
    case 'videosUpscale':
      return { operation, key, json: videoUpscaleBody(props.videoUrl) };
    case 'musicGenerate':
      return { operation, key, json: { model: 'lyria-3-clip', prompt: 'a waltz for accordion' } };
    case 'imagesMidjourneyAction':
      return { operation, key, json: { action: 'upsample', index: 1, parentJobId: props.gridJobId } };
    case 'musicSunoAction':
      return { operation, key, json: { action: 'stems', index: 1, parentJobId: props.songJobId } };
    case 'createAsset':
      return { operation, key, json: { url: props.uploadUrl, type: 'image' } };
    case 'getAsset':
      return { operation, key, parts: { id: props.assetId } };
    case 'createUpload':
      return { operation, key, body: fileForm(PIXEL) };
    case 'createLora':
      return { operation, key, body: trainingForm({}, 15) };
    case 'getLora':
    case 'archiveLora':
      return { operation, key, parts: { id: props.loraId } };
    case 'getJob':
    case 'cancelJob':
    case 'jobEvents':
    case 'jobTimeline':
      return { operation, key, parts: { id: jobId } };
    case 'getModel':
      return { operation, parts: { id: 'flux-1.1-pro' } };
    case 'serveFile':
      return { operation, parts: fileParts(props.uploadUrl) };
    case 'listJobs':
    case 'listLoras':
    case 'me':
      return { operation, key };
    case 'listModels':
    case 'openApi':
    case 'healthz':
    case 'readyz':
    case 'metrics':
      return { operation };
    default:
      throw new Error(`nobody has said how to call ${operation}`);
  }
}

/** A provider that takes keys and has no address here: nothing is ever bought with them. */
const PROVIDER = 'openai-images';
const SECRET = 'contract-secret-0123456789';

function goodProviderCall(operation: string, { key, adminKey, jobId }: Props): WireCall | null {
  const parts = { id: PROVIDER };
  switch (operation) {
    case 'listOwnProviderKeys':
      return { operation, key };
    case 'addOwnProviderKey':
      return { operation, key, json: { provider: PROVIDER, key: SECRET } };
    case 'removeOwnProviderKey':
      return { operation, key, parts: { id: jobId } };
    case 'listProviders':
    case 'listAlerts':
      return { operation, key: adminKey };
    case 'addProviderKey':
      return { operation, key: adminKey, parts, json: { key: SECRET, label: 'Main account', maxInFlight: 4 } };
    case 'removeProviderKey':
      return { operation, key: adminKey, parts: { ...parts, keyId: jobId } };
    case 'testProvider':
      return { operation, key: adminKey, parts: { id: 'sandbox' }, json: {} };
    default:
      return null;
  }
}

/** The body of a request that continues a picture beyond its edges. */
function editBody(image: string): Record<string, unknown> {
  return {
    model: 'flux-fill-pro',
    fluxFillParams: { prompt: 'more of it', image, mode: 'outpaint', outpaint: 'Make square' },
  };
}

/** The body of a request that enlarges a picture, whose price goes by its size. */
function upscaleBody(image: string): Record<string, unknown> {
  return { model: 'topaz-image-upscale', topazUpscaleParams: { image } };
}

/** The body of a request that cuts out what a picture shows. */
function cutOutBody(image: string): Record<string, unknown> {
  return { model: 'bria-bg-remove', briaBgRemoveParams: { image } };
}

/** The body of a request that changes a video. */
function videoEditBody(video: string): Record<string, unknown> {
  return { model: 'wan-2.7-videoedit', prompt: 'it is winter', wan27VideoeditParams: { video } };
}

/** The body of a request that enlarges a video, whose price goes by its length. */
function videoUpscaleBody(video: string): Record<string, unknown> {
  return {
    model: 'topaz-video-upscale',
    topazVideoParams: { video, target_resolution: '1080p', target_fps: 30 },
  };
}

/** A multipart body with one file. */
export function fileForm(bytes: Buffer): FormData {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(bytes)]), 'picture.png');
  return form;
}

/** A multipart body of a training. */
export function trainingForm(changes: Record<string, string>, count: number): FormData {
  const form = new FormData();
  for (const [name, text] of Object.entries({ name: 'A dot', subjectKind: 'object', ...changes })) form.set(name, text);
  for (let index = 0; index < count; index += 1) form.append('images', new Blob([new Uint8Array(PIXEL)]), 'dot.png');
  return form;
}

/** Token and file name of an address on the media path. */
export function fileParts(url: string): Record<string, string> {
  const [, , token = '', fileName = ''] = new URL(url).pathname.split('/');
  return { token, fileName };
}

/** Requests that must be answered 400, by operation; each is wrong in its own way. */
export function wrongCalls(operation: string, props: Props): WireCall[] {
  const good = goodCall(operation, props);
  switch (operation) {
    case 'imagesGenerate':
    case 'imagesEdit':
    case 'imagesUpscale':
    case 'imagesBackgroundRemove':
    case 'videosGenerate':
    case 'videosEdit':
    case 'videosUpscale':
    case 'musicGenerate':
    case 'estimate':
      return [...wrongBodies(good), ...wrongKeys(good, operation)];
    case 'imagesMidjourneyAction':
    case 'musicSunoAction':
      return wrongActions(good);
    case 'createAsset':
      return [
        { ...good, json: {} },
        { ...good, json: { url: props.uploadUrl, type: 'smell' } },
        { ...good, json: { url: props.uploadUrl, type: 'video' } },
        { ...good, json: { url: 'http://127.0.0.1:9/x.png', type: 'image' } },
        { ...good, json: { url: `${props.uploadUrl}x`, type: 'image' } },
      ];
    case 'createUpload':
      return [
        { ...good, body: fileForm(Buffer.from('<!doctype html><p>not a picture')) },
        { ...good, body: fileForm(Buffer.alloc(0)) },
        { ...good, body: fileForm(PIXEL.subarray(0, 40)) },
        { ...good, body: '{}', headers: { 'content-type': 'application/json' } },
      ];
    case 'createLora':
      return [
        { ...good, body: trainingForm({}, 14) },
        { ...good, body: trainingForm({}, 31) },
        { ...good, body: trainingForm({ steps: '7' }, 15) },
        { ...good, body: trainingForm({ subjectKind: 'person' }, 15) },
        { ...good, body: '{}', headers: { 'content-type': 'application/json' } },
        { ...good, headers: { 'idempotency-key': 'two words' } },
      ];
    case 'getLora':
    case 'archiveLora':
      return [{ ...good, parts: { id: 'no-uuid' } }];
    case 'listLoras':
      return ['limit=0', 'limit=101', 'cursor=x', 'includeArchived=yes'].map((query) => ({
        ...good,
        query: `?${query}`,
      }));
    case 'getJob':
      return [
        { ...good, parts: { id: 'no-uuid' } },
        ...['0', '61', '1.5', 'long', ''].map((wait) => ({ ...good, query: `?wait=${wait}` })),
      ];
    case 'jobEvents':
      return [
        { ...good, parts: { id: 'no-uuid' } },
        { ...good, headers: { 'last-event-id': 'x' } },
      ];
    case 'cancelJob':
    case 'jobTimeline':
      return [{ ...good, parts: { id: 'no-uuid' } }];
    case 'listJobs':
      return [
        'limit=0',
        'limit=101',
        'status=DONE',
        'scope=world',
        'search=7',
        'cursor=x',
        'cursor=e30',
        'include_models=yes',
      ].map((query) => ({ ...good, query: `?${query}` }));
    case 'addProviderKey':
    case 'addOwnProviderKey':
      return wrongKeyBodies(good);
    case 'testProvider':
      return [
        { ...good, json: { keyId: 7 } },
        { ...good, json: { stray: 1 } },
        { ...good, json: [] },
      ];
    case 'listModels':
      return [{ ...good, query: '?modality=smell' }];
    default:
      throw new Error(`nobody has said how ${operation} can be wrong`);
  }
}

function wrongActions(good: WireCall): WireCall[] {
  // Safe: as below.
  const body = good.json as Record<string, unknown>;
  const { json: _, ...bare } = good;
  return [
    { ...good, json: {} },
    { ...good, json: { ...body, action: 'dance' } },
    { ...good, json: { ...body, index: 7 } },
    { ...good, json: { ...body, stray: 1 } },
    { ...good, json: { ...body, parentJobId: 'no-uuid' } },
    { ...good, json: { ...body, webhookUrl: 'http://127.0.0.1:9/' } },
    { ...bare, body: '{"action":', headers: { 'content-type': 'application/json' } },
  ];
}

function wrongBodies(good: WireCall): WireCall[] {
  // Safe: the good calls of these operations have an object as their body.
  const body = good.json as Record<string, unknown>;
  const { json: _, ...bare } = good;
  const asText = (text: string): WireCall => ({ ...bare, body: text, headers: { 'content-type': 'application/json' } });
  return [
    { ...good, json: {} },
    { ...good, json: [] },
    { ...good, json: { ...body, stray: 1 } },
    { ...good, json: { ...body, model: 'flux-1.1-prp' } },
    { ...good, json: { ...body, webhookUrl: 'http://127.0.0.1:9/' } },
    { ...good, json: { ...body, webhookUrl: 'https://example.com/', webhook_url: 'https://example.com/' } },
    asText('{"model":'),
    asText('{"model":"a","model":"b"}'),
    asText(`{"prompt":"${'a'.repeat(1024 * 1024)}"}`),
    { ...bare, body: '{}', headers: { 'content-type': 'text/plain' } },
  ];
}

function wrongKeyBodies(good: WireCall): WireCall[] {
  const changes = [
    { key: 'short' },
    { key: `${SECRET} ${SECRET}` },
    { label: '' },
    { maxInFlight: 0 },
    { teamId: 'x' },
    { stray: 1 },
  ];
  // Safe: the good calls of these operations have an object as their body.
  return [{}, ...changes.map((change) => ({ ...(good.json as object), ...change }))].map((json) => ({ ...good, json }));
}

function wrongKeys(good: WireCall, operation: string): WireCall[] {
  if (operation === 'estimate') return [];
  return [
    { ...good, headers: { 'idempotency-key': 'two words' } },
    { ...good, headers: { 'idempotency-key': 'k'.repeat(256) } },
  ];
}

/** Requests that must be answered 404: what does not exist, and what is another team's. */
export function missingCalls(operation: string, props: Props, foreignJobId: string): WireCall[] {
  const good = goodCall(operation, props);
  switch (operation) {
    case 'addProviderKey':
    case 'testProvider':
      return [{ ...good, parts: { id: 'openai-image' } }];
    case 'removeProviderKey':
      return [
        good,
        { ...good, parts: { id: PROVIDER, keyId: 'env:openai-images' } },
        { ...good, parts: { id: 'openai-image', keyId: randomUUID() } },
      ];
    case 'removeOwnProviderKey':
      return [good, { ...good, parts: { id: 'no-uuid' } }];
    case 'imagesMidjourneyAction':
    case 'musicSunoAction':
      // Safe: their bodies are objects.
      return [randomUUID(), foreignJobId].map((parentJobId) => ({
        ...good,
        json: { ...(good.json as object), parentJobId },
      }));
    case 'getModel':
      return [{ ...good, parts: { id: 'flux-1.1-prp' } }];
    case 'serveFile': {
      const parts = good.parts ?? {};
      return [
        { ...good, parts: { ...parts, fileName: 'other.png' } },
        { ...good, parts: { ...parts, token: 'x'.repeat(32) } },
      ];
    }
    default:
      return [
        { ...good, parts: { id: randomUUID() } },
        { ...good, parts: { id: foreignJobId } },
      ];
  }
}
