import { bflDouble } from './bfl.ts';
import { comfyuiDouble } from './comfyui.ts';
import { DOUBLE_IDS, type Double, type DoubleId } from './double.ts';
import { falDouble } from './fal.ts';
import { googleDouble } from './google.ts';
import { klingDouble } from './kling.ts';
import { openaiImagesDouble } from './openai-images.ts';
import { replicateDouble } from './replicate.ts';
import { runDouble, type DoubleOptions, type RunningDouble } from './run-double.ts';
import { sdServerDouble } from './sd-server.ts';

/** Every double there is. */
export const DOUBLES: Readonly<Record<DoubleId, Double>> = {
  bfl: bflDouble,
  replicate: replicateDouble,
  fal: falDouble,
  google: googleDouble,
  'openai-images': openaiImagesDouble,
  'sd-server': sdServerDouble,
  comfyui: comfyuiDouble,
  kling: klingDouble,
};

/** Starts one double on loopback. */
export function startDouble(id: DoubleId, options: DoubleOptions = {}): Promise<RunningDouble> {
  return runDouble(DOUBLES[id], options);
}

/** Whether a double goes by this name. */
export function isDoubleId(name: string): name is DoubleId {
  return DOUBLE_IDS.some((id) => id === name);
}
