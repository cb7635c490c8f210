import type { KeyedCall, Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';
import { submitOperation } from './submit.ts';

/** `POST /v2/images/upscale`: makes a job that enlarges a picture. */
export function imagesUpscale(world: HttpWorld): Operate<KeyedCall> {
  return submitOperation(world, 'images/upscale');
}
