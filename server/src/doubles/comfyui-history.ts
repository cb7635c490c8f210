import type { ComfyuiMemory, ComfyuiRun } from './comfyui-runs.ts';
import type { Generation, View } from './double.ts';

/** Where a saved picture lies, as the history names it and `/view` wants it. */
export interface ComfyuiFile {
  filename: string;
  subfolder: string;
  type: string;
}

/** A run as the history shows it; null while it has not ended, and for one that left the queue unstarted. */
export function historyEntry(seen: { run: ComfyuiRun; generation: Generation; view: View }): object | null {
  const { run, generation, view } = seen;
  switch (view.state) {
    case 'waiting':
      return null;
    case 'running':
      // The real history knows no unended runs; a stranger that shows one with a word of its own is a fault.
      return view.isStrange ? entry(seen, { outputs: {}, status: 'defragmenting', messages: [] }) : null;
    case 'done':
      return entry(seen, {
        outputs: outputsOf(run, generation, view.files.length),
        status: 'success',
        messages: [['execution_success', { prompt_id: run.promptId, timestamp: view.endedAt }]],
      });
    case 'failed':
      return entry(seen, failure(run, view.text, view.endedAt));
    case 'refused':
      // A server of one's own moderates nothing; a node that refuses is the nearest that it has.
      return entry(seen, failure(run, 'The picture was refused by a safety checker', view.endedAt));
    case 'cancelled':
      if (!run.isInterrupted) return null;
      return entry(seen, {
        outputs: {},
        status: 'error',
        messages: [['execution_interrupted', { prompt_id: run.promptId, timestamp: view.endedAt, executed: [] }]],
      });
  }
}

interface Ending {
  outputs: object;
  status: string;
  messages: [string, object][];
}

function entry({ run, generation }: { run: ComfyuiRun; generation: Generation }, ending: Ending): object {
  const started: [string, object] = ['execution_start', { prompt_id: run.promptId, timestamp: generation.createdAt }];
  return {
    prompt: queueEntry(run),
    outputs: ending.outputs,
    status: {
      status_str: ending.status,
      completed: ending.status === 'success',
      messages: [started, ...ending.messages],
    },
    meta: {},
  };
}

function failure(run: ComfyuiRun, text: string, timestamp: number): Ending {
  const details = {
    prompt_id: run.promptId,
    node_id: '0',
    node_type: 'KSampler',
    exception_message: text,
    exception_type: 'RuntimeError',
    executed: [],
    timestamp,
  };
  return { outputs: {}, status: 'error', messages: [['execution_error', details]] };
}

/** A run as the queue names it: number, id, graph (left out), extra data, outputs. */
export function queueEntry(run: ComfyuiRun): unknown[] {
  return [run.number, run.promptId, {}, {}, run.outputs.map(({ node }) => node)];
}

/** Pictures are dealt out evenly to the nodes that save; what is left over goes to the last. */
function outputsOf(run: ComfyuiRun, generation: Generation, count: number): Record<string, { images: ComfyuiFile[] }> {
  const perNode = Math.max(1, Math.ceil(generation.order.files.length / run.outputs.length));
  const outputs: Record<string, { images: ComfyuiFile[] }> = {};
  for (let index = 0; index < count; index += 1) {
    const place = Math.min(Math.floor(index / perNode), run.outputs.length - 1);
    const output = run.outputs[place];
    if (output === undefined) break;
    outputs[output.node] ??= { images: [] };
    outputs[output.node]?.images.push(fileOf(output, run, index));
  }
  return outputs;
}

/** The real server counts files per prefix; the double's names carry the run, so that a name tells whose file it is. */
function fileOf(output: ComfyuiRun['outputs'][number], run: ComfyuiRun, index: number): ComfyuiFile {
  const parts = output.prefix.split('/');
  const name = parts.pop() ?? '';
  return {
    filename: `${name}_${run.generationId}_${String(index + 1).padStart(5, '0')}_.png`,
    subfolder: parts.join('/'),
    type: output.isTemporary ? 'temp' : 'output',
  };
}

/** The run and picture behind a file's place; null where there is none. */
export function pictureAt(file: ComfyuiFile, memory: ComfyuiMemory): { run: ComfyuiRun; index: number } | null {
  const [, id, number] = /_([0-9a-f-]{36})_(\d{5})_\.png$/.exec(file.filename) ?? [];
  const run = id === undefined ? undefined : memory.byGeneration(id);
  if (run === undefined) return null;
  const index = Number(number) - 1;
  const isThere = run.outputs.some((output) => {
    const known = fileOf(output, run, index);
    return known.filename === file.filename && known.subfolder === file.subfolder && known.type === file.type;
  });
  return isThere ? { run, index } : null;
}
