/** One thing that an operator can set; the table in `docs/settings.md` is checked against it. */
interface SettingFact {
  name: string;
  default: string;
  meaning: string;
}

/** Every environment variable that Lumegate reads. */
export const SETTINGS: readonly SettingFact[] = [
  { name: 'PORT', default: '3000', meaning: 'Port to listen on; 0 lets the system choose.' },
  { name: 'HOST', default: '127.0.0.1', meaning: 'Address to listen on.' },
  {
    name: 'LUMEGATE_DATA_DIR',
    default: './data',
    meaning: 'Folder of the database, the files and the generated secrets.',
  },
  {
    name: 'DATABASE_URL',
    default: 'SQLite in the data folder',
    meaning: '`postgres://…` to keep everything but files in PostgreSQL 15 or later.',
  },
  { name: 'LUMEGATE_BLOBS', default: '`blobs` in the data folder', meaning: 'Folder of the stored files.' },
  {
    name: 'LUMEGATE_PUBLIC_URL',
    default: 'from HOST and PORT',
    meaning: 'Base of result URLs and of the callbacks that providers are given.',
  },
  {
    name: 'LUMEGATE_BOOTSTRAP_KEY',
    default: 'none',
    meaning:
      'An `afk_…` key, at least 32 characters after the prefix, to create on the first start for the first team’s owner. Its checksum is not demanded.',
  },
  { name: 'LUMEGATE_START_CREDITS', default: '1000', meaning: 'Promotional credits of a new team.' },
  {
    name: 'LUMEGATE_PROVIDER_<ID>_URL',
    default: 'the provider’s own',
    meaning:
      'Another base address for one provider, for example `LUMEGATE_PROVIDER_SANDBOX_URL`. Loopback is allowed here.',
  },
  {
    name: 'LUMEGATE_SANDBOX',
    default: 'auto',
    meaning:
      '`auto`: the sandbox serves live keys until the first provider key is there. `on`: it is the last resort for every model. `off`: test keys only.',
  },
  { name: 'LUMEGATE_SANDBOX_MS', default: '1500', meaning: 'Milliseconds that a sandbox generation takes at least.' },
  {
    name: 'LUMEGATE_ALLOW_PRIVATE_URLS',
    default: 'off',
    meaning: '`on` lets `image_prompt`, `webhookUrl` and the like point to private addresses (development).',
  },
  { name: 'LUMEGATE_ROLES', default: 'api,worker', meaning: 'What this process does: `api`, `worker` or both.' },
  {
    name: 'LUMEGATE_RETENTION_DAYS',
    default: '30',
    meaning: 'Days for which results are kept; then the job says `expired: true`.',
  },
  { name: 'LUMEGATE_UPLOAD_MINUTES', default: '120', meaning: 'Minutes for which an upload is kept.' },
  { name: 'LUMEGATE_RATE_PER_MINUTE', default: '3000', meaning: 'Requests a minute for one key; 0 for no limit.' },
  {
    name: 'LUMEGATE_TEAM_CONCURRENCY',
    default: '50',
    meaning: 'Jobs of a new team that run at the same time; more wait in the queue.',
  },
  {
    name: 'LUMEGATE_TEAM_QUEUE',
    default: '10000',
    meaning: 'Open jobs of one team beyond which a submit is answered 429.',
  },
  {
    name: 'LUMEGATE_JOB_MINUTES',
    default: '30',
    meaning: 'Minutes after which an unfinished job fails and is released.',
  },
  {
    name: 'LUMEGATE_WEBHOOK_DIGEST',
    default: 'raw',
    meaning: 'Key of the compatible webhook signature: the raw SHA-256 digest of the API key, or its `hex` text.',
  },
  { name: 'LUMEGATE_LOG', default: 'info', meaning: '`info`, `warn`, `error` or `silent`.' },
];

export interface Settings {
  port: number;
  host: string;
  dataFolder: string;
  databaseUrl: string | null;
  blobsFolder: string | null;
  publicUrl: string | null;
  bootstrapKey: string | null;
  startCredits: number;
  /** Base addresses by provider id, as the operator wrote them. */
  providerUrls: Readonly<Record<string, string>>;
  sandbox: 'auto' | 'on' | 'off';
  sandboxMs: number;
  allowPrivateUrls: boolean;
  roles: ReadonlySet<'api' | 'worker'>;
  retentionMs: number;
  uploadMs: number;
  ratePerMinute: number;
  teamConcurrency: number;
  teamQueueMax: number;
  jobMs: number;
  webhookDigest: 'raw' | 'hex';
  logLevel: 'info' | 'warn' | 'error' | 'silent';
}

/** A setting that cannot be used; the text names it and says what would be right. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment once, into one frozen object; throws SettingError for a value that makes no sense. */
export function readSettings(env: Environment): Settings {
  return Object.freeze({
    port: integer(env, 'PORT', { fallback: 3000, min: 0, max: 65_535 }),
    host: text(env, 'HOST') ?? '127.0.0.1',
    dataFolder: text(env, 'LUMEGATE_DATA_DIR') ?? './data',
    databaseUrl: databaseUrl(env),
    blobsFolder: blobsFolder(env),
    publicUrl: publicUrl(env),
    bootstrapKey: bootstrapKey(env),
    startCredits: integer(env, 'LUMEGATE_START_CREDITS', { fallback: 1000, min: 0, max: 1_000_000_000 }),
    providerUrls: providerUrls(env),
    sandbox: oneOf(env, 'LUMEGATE_SANDBOX', ['auto', 'on', 'off'] as const),
    sandboxMs: integer(env, 'LUMEGATE_SANDBOX_MS', { fallback: 1500, min: 0, max: 3_600_000 }),
    allowPrivateUrls: flag(env, 'LUMEGATE_ALLOW_PRIVATE_URLS'),
    roles: roles(env),
    retentionMs: integer(env, 'LUMEGATE_RETENTION_DAYS', { fallback: 30, min: 1, max: 36_500 }) * 86_400_000,
    uploadMs: integer(env, 'LUMEGATE_UPLOAD_MINUTES', { fallback: 120, min: 1, max: 100_000 }) * 60_000,
    ratePerMinute: integer(env, 'LUMEGATE_RATE_PER_MINUTE', { fallback: 3000, min: 0, max: 100_000_000 }),
    teamConcurrency: integer(env, 'LUMEGATE_TEAM_CONCURRENCY', { fallback: 50, min: 1, max: 1_000_000 }),
    teamQueueMax: integer(env, 'LUMEGATE_TEAM_QUEUE', { fallback: 10_000, min: 1, max: 100_000_000 }),
    jobMs: integer(env, 'LUMEGATE_JOB_MINUTES', { fallback: 30, min: 1, max: 10_000 }) * 60_000,
    webhookDigest: oneOf(env, 'LUMEGATE_WEBHOOK_DIGEST', ['raw', 'hex'] as const),
    logLevel: oneOf(env, 'LUMEGATE_LOG', ['info', 'warn', 'error', 'silent'] as const),
  });
}

function text(env: Environment, name: string): string | null {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? null : value;
}

function integer(env: Environment, name: string, bounds: { fallback: number; min: number; max: number }): number {
  const value = text(env, name);
  if (value === null) return bounds.fallback;
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < bounds.min || number > bounds.max) {
    throw new SettingError(`${name} must be a whole number from ${bounds.min} to ${bounds.max}, not "${value}"`);
  }
  return number;
}

/** The first choice is the default. */
function oneOf<const T extends readonly string[]>(env: Environment, name: string, choices: T): T[number] {
  const value = text(env, name) ?? choices[0];
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new SettingError(`${name} must be one of ${choices.join(', ')}, not "${value}"`);
  return found;
}

function flag(env: Environment, name: string): boolean {
  const value = text(env, name)?.toLowerCase() ?? 'off';
  if (['on', '1', 'true', 'yes'].includes(value)) return true;
  if (['off', '0', 'false', 'no'].includes(value)) return false;
  throw new SettingError(`${name} must be on or off, not "${value}"`);
}

function url(env: Environment, name: string): string | null {
  const value = text(env, name);
  if (value === null) return null;
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)) {
    throw new SettingError(`${name} must be an http or https address, not "${value}"`);
  }
  return value.replace(/\/+$/, '');
}

/** A worker alone gives out links that somebody else serves. */
function publicUrl(env: Environment): string | null {
  const given = url(env, 'LUMEGATE_PUBLIC_URL');
  if (given === null && !roles(env).has('api')) {
    throw new SettingError(
      'LUMEGATE_PUBLIC_URL must be set where LUMEGATE_ROLES is worker: the address of the api process',
    );
  }
  return given;
}

function databaseUrl(env: Environment): string | null {
  const value = text(env, 'DATABASE_URL');
  if (value !== null && !/^postgres(ql)?:\/\//.test(value)) {
    throw new SettingError('DATABASE_URL must begin with postgres://; leave it out for SQLite in the data folder');
  }
  return value;
}

function blobsFolder(env: Environment): string | null {
  const value = text(env, 'LUMEGATE_BLOBS');
  if (value?.includes('://')) {
    throw new SettingError(`LUMEGATE_BLOBS must be a folder, not "${value}": this version stores files on disk only`);
  }
  return value;
}

function bootstrapKey(env: Environment): string | null {
  const value = text(env, 'LUMEGATE_BOOTSTRAP_KEY');
  if (value !== null && !/^afk_(?!test_)[0-9A-Za-z_]{32,200}$/.test(value)) {
    throw new SettingError('LUMEGATE_BOOTSTRAP_KEY must be afk_ and at least 32 letters or digits');
  }
  return value;
}

function providerUrls(env: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of Object.keys(env)) {
    const id = /^LUMEGATE_PROVIDER_([A-Z0-9_]+)_URL$/.exec(name)?.[1];
    const value = id === undefined ? null : url(env, name);
    if (id !== undefined && value !== null) found[id.toLowerCase().replaceAll('_', '-')] = value;
  }
  return found;
}

function roles(env: Environment): ReadonlySet<'api' | 'worker'> {
  const names = (text(env, 'LUMEGATE_ROLES') ?? 'api,worker').split(',').map((name) => name.trim());
  const known = names.filter((name) => name === 'api' || name === 'worker');
  if (known.length !== names.length) throw new SettingError('LUMEGATE_ROLES must be api, worker or both with a comma');
  return new Set(known);
}
