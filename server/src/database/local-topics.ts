import { EventEmitter } from 'node:events';

import type { Topic } from './database.ts';

/** Wake-ups inside one process; the PostgreSQL engine feeds those of other processes into it. */
export interface LocalTopics {
  emit(topic: Topic, id: string): void;
  subscribe(topic: Topic, listener: (id: string) => void): () => void;
}

/** Listeners of one process. No bound on their number: each waiting reader of a job is one. */
export function localTopics(): LocalTopics {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  return {
    emit: (topic, id) => {
      emitter.emit(topic, id);
    },
    subscribe: (topic, listener) => {
      emitter.on(topic, listener);
      return () => {
        emitter.off(topic, listener);
      };
    },
  };
}
