import path from 'node:path';

import type { Catalog } from '../catalog/load-catalog.ts';
import type { BlobStore } from '../core/blob-port.ts';
import type { ReachCrashPoint } from '../core/crash-point.ts';
import type { MediaPort } from '../core/media-port.ts';
import type { Net } from '../core/net-port.ts';
import { createSignals } from '../database/signals.ts';
import { startMedia } from '../files/media/start-media.ts';
import type { JobsWorld } from '../jobs/world.ts';
import { createNet } from '../net/net.ts';
import { createCollectRoom } from '../jobs/collect-room.ts';
import { createLookPace } from '../jobs/look-pace.ts';
import { createSlots } from '../jobs/slots.ts';
import { createRouteHealth } from '../jobs/route-health.ts';
import type { ProviderKeyRing } from '../teams/provider-key-ring.ts';
import { eraseRemovedSecrets } from '../teams/provider-keys.ts';
import { inputFetcher, inputReader } from './fetch-input.ts';
import { openInside } from './open-inside.ts';
import { openBlobs } from './open-blobs.ts';
import type { Machine, Store } from './open-store.ts';
import { openProviderKeys, tellOfCircuit } from './provider-world.ts';
import { createUpstream } from './upstream.ts';
import { loadAdapters } from './vendors.ts';

/** The engine's world and the ends that must be closed with it. */
export interface Engine {
  world: JobsWorld;
  net: Net;
  blobs: BlobStore;
  media: MediaPort;
  keys: ProviderKeyRing;
  /** Deletes forgotten generations of the sandbox and the secrets of removed keys. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface EngineOptions {
  catalog: Catalog;
  reachCrashPoint: ReachCrashPoint;
  /** Where this process listens, once it does. */
  ownListeners: () => { host: string; port: number }[];
  /** Known once the socket is open. */
  publicUrl: () => string;
  /** Takes a callback of the in-process sandbox to the door. */
  sendCallback: (url: string, body: string) => Promise<void>;
}

/** The module that draws; loaded in the media process, never here. */
export const DRAW_MODULE = path.join(import.meta.dirname, '..', 'sandbox', 'draw.ts');

/** Builds the parts behind the door: network, files, picture work, sandbox, providers. */
export async function buildEngine(machine: Machine, store: Store, options: EngineOptions): Promise<Engine> {
  const { settings, clock, random, log } = machine;
  const { database, newId } = store;
  const closing = new AbortController();
  const { reachCrashPoint } = options;
  const { blobs, close: closeBlobs } = await openBlobs(machine, () => reachCrashPoint('C17'));
  const media = startMedia({ drawModule: DRAW_MODULE, clock, log });
  const net = createNet({ allowPrivate: settings.allowPrivateUrls, ownListeners: options.ownListeners, clock, log });
  const inputs = { net, database, blobs, clock, publicUrl: options.publicUrl };
  const inside = await openInside(machine, {
    media,
    fetchInput: inputFetcher(inputs),
    ...options,
    closing: closing.signal,
  });
  const keys = await openProviderKeys(machine, store, options.catalog, inside.problemOf);
  const { catalog, publicUrl } = options;
  const upstream = createUpstream({
    net,
    catalog,
    keys,
    providerUrls: settings.providerUrls,
    publicUrl,
    inside: inside.providers,
  });
  const health = createRouteHealth({ clock, onChange: (change) => void tellOfCircuit(machine, store, change) });
  const changes = createSignals(database, 'job', clock);
  const hints = createSignals(database, 'hint', clock);
  const world: JobsWorld = {
    database,
    changes,
    hints,
    clock,
    random,
    newId,
    blobs,
    media,
    log,
    catalog,
    providers: await loadAdapters(catalog.providers.values()),
    upstream,
    keys,
    health,
    looks: createLookPace(health),
    collects: createSlots(createCollectRoom()),
    inputs: inputReader({ ...inputs, media, sniff: (file) => contentTypeOf(media, file) }),
    settings,
    publicUrl,
    reachCrashPoint,
  };
  return {
    world,
    net,
    blobs,
    media,
    keys,
    sweep: async () => {
      await inside.sweep();
      await database.transaction((tx) => eraseRemovedSecrets(tx, clock.now()));
    },
    close: async () => {
      closing.abort();
      changes.close();
      hints.close();
      await keys.close();
      await Promise.all([media.close(), inside.close(), net.close(), closeBlobs()]);
    },
  };
}

/** What the file is by its content, or null where it is nothing that we know. */
async function contentTypeOf(media: MediaPort, file: string): Promise<string | null> {
  const inspected = await media.inspect(file);
  return inspected.ok ? inspected.value.contentType : null;
}
