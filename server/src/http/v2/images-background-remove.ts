import type { KeyedCall, Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';
import { submitOperation } from './submit.ts';

/** `POST /v2/images/background-remove`: makes a job that cuts the subject of a picture out. */
export function imagesBackgroundRemove(world: HttpWorld): Operate<KeyedCall> {
  return submitOperation(world, 'images/background-remove');
}
