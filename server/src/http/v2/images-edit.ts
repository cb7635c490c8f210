import type { KeyedCall, Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';
import { submitOperation } from './submit.ts';

/** `POST /v2/images/edit`: makes a job that repaints or enlarges a picture. */
export function imagesEdit(world: HttpWorld): Operate<KeyedCall> {
  return submitOperation(world, 'images/edit');
}
