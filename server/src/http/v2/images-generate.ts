import type { KeyedCall, Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';
import { submitOperation } from './submit.ts';

/** `POST /v2/images/generate`: makes a job that draws pictures from words. */
export function imagesGenerate(world: HttpWorld): Operate<KeyedCall> {
  return submitOperation(world, 'images/generate');
}
