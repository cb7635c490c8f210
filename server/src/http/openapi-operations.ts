import { ACTION_OPERATIONS, OPERATIONS, type ActionOperation, type Operation } from '../catalog/model.ts';
import { JOB_STATES } from '../jobs/states.ts';
import { PROVIDER_OPERATIONS } from './openapi-provider-operations.ts';
import {
  inPath,
  JSON_TYPE,
  notModified,
  ok,
  query,
  requestName,
  submitId,
  text,
  type AnswerFacts,
  type OperationFacts,
} from './openapi-facts.ts';

const jobId = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The job.',
  schema: { type: 'string', format: 'uuid' },
};

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Visible ASCII. The same key with the same body answers the first job for 24 hours; with another body 409.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
};

const accepted: AnswerFacts = {
  ...ok(202, 'JobAccepted', 'The job is stored and its credits are held.'),
  headers: { 'Idempotent-Replayed': text('`true` where the job was made by an earlier request with the same key.') },
};

const MAKES_JOB = {
  needsKey: true,
  parameters: [idempotencyKey],
  answers: [accepted],
  refusals: [400, 401, 402, 403, 409, 429, 503],
};
const READS_JOB = { needsKey: true, body: null, refusals: [400, 401, 403, 404, 429, 503] };

/** What the document says of each way to make a job. */
const SUBMITS: Readonly<
  Record<Operation | ActionOperation, { tag: OperationFacts['tag']; summary: string; description: string }>
> = {
  'images/generate': {
    tag: 'Images',
    summary: 'Make pictures from words',
    description: 'Makes a job. The model named in the body decides which parameters there are.',
  },
  'images/edit': {
    tag: 'Images',
    summary: 'Repaint or enlarge a picture',
    description: 'Makes a job that changes a part of a picture, or continues it beyond its edges.',
  },
  'images/upscale': {
    tag: 'Images',
    summary: 'Enlarge a picture',
    description:
      'Makes a job that gives a picture more pixels. Where the price goes by its size, the file is read first.',
  },
  'images/background-remove': {
    tag: 'Images',
    summary: 'Cut out the subject of a picture',
    description: 'Makes a job that leaves of a picture what stands in its foreground.',
  },
  'videos/generate': {
    tag: 'Videos',
    summary: 'Make a video from words or pictures',
    description: 'Makes a job. The model named in the body decides which parameters there are.',
  },
  'videos/edit': {
    tag: 'Videos',
    summary: 'Change a video by words',
    description: 'Makes a job that changes a given video. Where the price goes by its length, the file is read first.',
  },
  'videos/upscale': {
    tag: 'Videos',
    summary: 'Enlarge a video',
    description:
      'Makes a job that gives a video more pixels or more frames. Where the price goes by its length, the file is read first.',
  },
  'music/generate': {
    tag: 'Music',
    summary: 'Make music from words',
    description: 'Makes a job whose result is a list of tracks.',
  },
  'images/midjourney/action': {
    tag: 'Images',
    summary: 'Go on from a Midjourney job',
    description:
      'Makes a job out of a finished one: enlarge or vary a picture of its grid, or change, widen or move an enlarged one. ' +
      'A finished job of another kind is refused with 400, one that nothing can follow upon with 409.',
  },
  'music/suno/action': {
    tag: 'Music',
    summary: 'Go on from a Suno job',
    description:
      'Makes a job out of a track of a finished one: continue it, play it anew, add voices, or take it apart. ' +
      'A finished job of another kind is refused with 400, one that nothing can follow upon with 409.',
  },
};

function submitFacts(operation: Operation | ActionOperation): OperationFacts {
  return {
    method: 'post',
    path: `/v2/${operation}`,
    id: submitId(operation),
    isAddition: false,
    ...SUBMITS[operation],
    body: { type: 'json', schema: requestName(operation) },
    ...MAKES_JOB,
  };
}

/** Every operation of the document, in its order. */
export const OPERATION_FACTS: readonly OperationFacts[] = [
  ...OPERATIONS.map(submitFacts),
  ...ACTION_OPERATIONS.map((operation) => ({
    ...submitFacts(operation),
    refusals: [400, 401, 402, 403, 404, 409, 429, 503],
  })),
  {
    method: 'get',
    path: '/v2/jobs',
    id: 'listJobs',
    tag: 'Jobs',
    isAddition: false,
    summary: 'List jobs',
    description: 'Newest first. Jobs that are added while you read on neither repeat nor hide others.',
    needsKey: true,
    body: null,
    parameters: [
      query('status', { type: 'string', enum: JOB_STATES }, 'Only jobs in this state.'),
      query('model', { type: 'string', maxLength: 200 }, 'Only jobs of this model.'),
      query('limit', { type: 'integer', minimum: 1, maximum: 100, default: 20 }, 'Jobs on a page.'),
      query('cursor', { type: 'string' }, 'The nextCursor of the page before.'),
      query(
        'scope',
        { type: 'string', enum: ['user', 'team'], default: 'user' },
        'Your own jobs or, for admins, the team’s.',
      ),
      query('search', { type: 'string', format: 'uuid' }, 'The id of one job.'),
      query(
        'include_models',
        { type: 'string', enum: ['true', 'false'], default: 'false' },
        'Also list the models that occur.',
      ),
    ],
    answers: [ok(200, 'JobList', 'A page.')],
    refusals: [400, 401, 403, 429, 503],
  },
  {
    method: 'get',
    path: '/v2/jobs/{id}',
    id: 'getJob',
    tag: 'Jobs',
    isAddition: false,
    summary: 'Read a job',
    description: 'As it is now; with `wait`, as soon as it has ended or the time is over.',
    parameters: [
      jobId,
      {
        ...query('wait', { type: 'integer', minimum: 1, maximum: 60 }, 'Seconds to wait for the end.'),
        'x-lumegate-addition': true,
      },
    ],
    answers: [ok(200, 'Job', 'The job.')],
    ...READS_JOB,
  },
  {
    method: 'post',
    path: '/v2/jobs/{id}/cancel',
    id: 'cancelJob',
    tag: 'Jobs',
    isAddition: true,
    summary: 'Cancel a job',
    description:
      'A waiting job is cancelled at once; a running one as soon as its provider allows. The hold is released.',
    parameters: [jobId],
    answers: [ok(200, 'Job', 'The job as it is now.')],
    ...READS_JOB,
    refusals: [400, 401, 403, 404, 409, 429, 503],
  },
  {
    method: 'get',
    path: '/v2/jobs/{id}/events',
    id: 'jobEvents',
    tag: 'Jobs',
    isAddition: true,
    summary: 'Follow a job live',
    description:
      'Server-sent events named state, progress and timeline, from the beginning or after Last-Event-ID; ends with the job.',
    parameters: [
      jobId,
      {
        name: 'Last-Event-ID',
        in: 'header',
        required: false,
        description: 'The last event seen.',
        schema: { type: 'string', pattern: '^\\d{1,15}$' },
      },
    ],
    answers: [
      { status: 200, description: 'The stream.', type: 'text/event-stream', schema: null },
      {
        status: 204,
        description: 'The job has ended and nothing came after the event that was seen last.',
        type: null,
        schema: null,
      },
    ],
    ...READS_JOB,
  },
  {
    method: 'get',
    path: '/v2/jobs/{id}/timeline',
    id: 'jobTimeline',
    tag: 'Jobs',
    isAddition: true,
    summary: 'Read every step of a job',
    description: 'Each step and each try at a provider, with its time.',
    parameters: [jobId],
    answers: [ok(200, 'Timeline', 'The steps.')],
    ...READS_JOB,
  },
  {
    method: 'post',
    path: '/v2/estimate',
    id: 'estimate',
    tag: 'Account',
    isAddition: true,
    summary: 'Ask what a request would cost',
    description: 'Takes the body of any request that runs a model. Holds and stores nothing.',
    needsKey: true,
    parameters: [],
    body: { type: 'json', schema: 'EstimateRequest' },
    answers: [ok(200, 'Estimate', 'Price, time, and what would be changed.')],
    refusals: [400, 401, 403, 429, 503],
  },
  {
    method: 'get',
    path: '/v2/me',
    id: 'me',
    tag: 'Account',
    isAddition: false,
    summary: 'Read your account',
    description: 'The user, the team with its balance, and the key of the request.',
    needsKey: true,
    parameters: [],
    body: null,
    answers: [ok(200, 'Me', 'The account.')],
    refusals: [401, 403, 429, 503],
  },
  {
    method: 'post',
    path: '/v2/uploads',
    id: 'createUpload',
    tag: 'Uploads',
    isAddition: false,
    summary: 'Upload an input file',
    description: 'One file: images and sounds up to 25 MB, videos up to 50 MB. What it is, is found in its bytes.',
    needsKey: true,
    parameters: [],
    body: { type: 'file' },
    answers: [ok(201, 'Upload', 'The file and the URL under which requests can name it.')],
    refusals: [400, 401, 403, 429, 502, 503],
  },
  {
    method: 'get',
    path: '/v2/models',
    id: 'listModels',
    tag: 'Models',
    isAddition: false,
    summary: 'List the models',
    description: 'For everybody. Every model with its parameters and prices.',
    needsKey: false,
    body: null,
    parameters: [
      query('modality', { type: 'string', enum: ['image', 'video', 'music'] }, 'Only models that make this.'),
    ],
    answers: [ok(200, 'ModelList', 'The catalogue.'), notModified()],
    refusals: [400],
  },
  {
    method: 'get',
    path: '/v2/models/{id}',
    id: 'getModel',
    tag: 'Models',
    isAddition: true,
    summary: 'Read a model',
    description: 'For everybody.',
    needsKey: false,
    parameters: [inPath('id', 'The model.')],
    body: null,
    answers: [ok(200, 'Model', 'The model.'), notModified()],
    refusals: [404],
  },
  {
    method: 'get',
    path: '/v2/openapi.json',
    id: 'openApi',
    tag: 'Operation',
    isAddition: false,
    summary: 'Read this document',
    description: 'Generated by the running server.',
    needsKey: false,
    parameters: [],
    body: null,
    answers: [{ status: 200, description: 'This document.', type: JSON_TYPE, schema: null }, notModified()],
    refusals: [],
  },
  {
    method: 'get',
    path: '/media/{token}/{fileName}',
    id: 'serveFile',
    tag: 'Operation',
    isAddition: true,
    summary: 'Fetch a result or an upload',
    description: 'For whoever has the address. HEAD and a single Range are answered; 404 once the file has expired.',
    needsKey: false,
    body: null,
    parameters: [inPath('token', 'The unguessable part.'), inPath('fileName', 'The name of the file.')],
    answers: [
      { status: 200, description: 'The file.', type: '*/*', schema: null },
      { status: 206, description: 'A part of the file.', type: '*/*', schema: null },
      notModified(),
    ],
    refusals: [404, 416, 503],
  },
  {
    method: 'get',
    path: '/healthz',
    id: 'healthz',
    tag: 'Operation',
    isAddition: true,
    summary: 'Is the process alive?',
    description: 'Asks nothing but the process.',
    needsKey: false,
    parameters: [],
    body: null,
    answers: [ok(200, 'Health', 'It is.')],
    refusals: [],
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'readyz',
    tag: 'Operation',
    isAddition: true,
    summary: 'Can the process take work?',
    description: 'Asks the store.',
    needsKey: false,
    parameters: [],
    body: null,
    answers: [ok(200, 'Readiness', 'It can.'), ok(503, 'Readiness', 'It cannot; `checks` says why.')],
    refusals: [],
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'metrics',
    tag: 'Operation',
    isAddition: true,
    summary: 'Read the figures of the process',
    description: 'Prometheus text.',
    needsKey: false,
    parameters: [],
    body: null,
    answers: [{ status: 200, description: 'The figures.', type: 'text/plain', schema: null }],
    refusals: [],
  },
  ...PROVIDER_OPERATIONS,
];
