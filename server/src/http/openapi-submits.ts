import { ACTION_OPERATIONS, OPERATIONS, type ActionOperation, type Operation } from '../catalog/model.ts';
import { ok, requestName, submitId, text, type AnswerFacts, type OperationFacts } from './openapi-facts.ts';

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

/** Every way to make a job, in the document's order. */
export const SUBMIT_FACTS: readonly OperationFacts[] = [
  ...OPERATIONS.map(submitFacts),
  ...ACTION_OPERATIONS.map((operation) => ({
    ...submitFacts(operation),
    refusals: [400, 401, 402, 403, 404, 409, 429, 503],
  })),
];
