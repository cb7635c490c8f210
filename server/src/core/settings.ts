import { readS3Setting, type S3Setting } from './s3-setting.ts';

/** A further provider that speaks like a known one. */
export interface InstanceSetting {
  id: string;
  /** The provider whose file and routes it takes over. */
  provider: string;
  /** Models it serves, with its own names for them; null for all. */
  models: Readonly<Record<string, string>> | null;
}

export interface Settings {
  port: number;
  host: string;
  dataFolder: string;
  databaseUrl: string | null;
  blobsFolder: string | null;
  /** null where files lie in a folder. */
  s3: S3Setting | null;
  media: 'served' | 'signed';
  publicUrl: string | null;
  bootstrapKey: string | null;
  startCredits: number;
  /** Base addresses by provider id, as the operator wrote them. */
  providerUrls: Readonly<Record<string, string>>;
  providerMaxInFlight: Readonly<Record<string, number>>;
  /** By provider id: the name, as `owner/name`, under which the provider keeps what is trained there. */
  providerDestinations: Readonly<Record<string, string>>;
  /** Every variable that may hold a provider's key, by its name; the providers' files say which are theirs. */
  providerSecrets: Readonly<Record<string, string>>;
  instances: readonly InstanceSetting[];
  providerOrder: readonly string[];
  ambiguous: 'fail' | 'retry-once';
  contentRefused: 'fail' | 'other-route';
  shortfall: 'keep' | 'reroute';
  /** In credits. */
  ownKeyFee: number;
  /** Percent on top of a provider's cost, for models whose price is reckoned from it. */
  marginPercent: number;
  operatorWebhook: string | null;
  operatorWebhookSecret: string | null;
  sandbox: 'auto' | 'on' | 'off';
  sandboxMs: number;
  localTools: 'auto' | 'off';
  /** Path or name of the program that says what belongs to the background. */
  backgroundRemover: string | null;
  allowPrivateUrls: boolean;
  roles: ReadonlySet<'api' | 'worker'>;
  retentionMs: number;
  uploadMs: number;
  ratePerMinute: number;
  teamConcurrency: number;
  teamQueueMax: number;
  teamTrainings: number;
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
    s3: s3Setting(env),
    media: oneOf(env, 'LUMEGATE_MEDIA', ['served', 'signed'] as const),
    publicUrl: publicUrl(env),
    bootstrapKey: bootstrapKey(env),
    startCredits: integer(env, 'LUMEGATE_START_CREDITS', { fallback: 1000, min: 0, max: 1_000_000_000 }),
    providerUrls: providerUrls(env),
    providerMaxInFlight: providerMaxInFlight(env),
    providerDestinations: providerDestinations(env),
    providerSecrets: providerSecrets(env),
    instances: instances(env),
    providerOrder: list(env, 'LUMEGATE_PROVIDER_ORDER'),
    ambiguous: oneOf(env, 'LUMEGATE_AMBIGUOUS', ['fail', 'retry-once'] as const),
    contentRefused: oneOf(env, 'LUMEGATE_CONTENT_REFUSED', ['fail', 'other-route'] as const),
    shortfall: oneOf(env, 'LUMEGATE_SHORTFALL', ['keep', 'reroute'] as const),
    ownKeyFee: integer(env, 'LUMEGATE_OWN_KEY_FEE', { fallback: 1, min: 1, max: 1_000_000 }),
    marginPercent: integer(env, 'LUMEGATE_MARGIN_PERCENT', { fallback: 25, min: 0, max: 10_000 }),
    operatorWebhook: url(env, 'LUMEGATE_OPERATOR_WEBHOOK'),
    operatorWebhookSecret: webhookSecret(env),
    sandbox: oneOf(env, 'LUMEGATE_SANDBOX', ['auto', 'on', 'off'] as const),
    sandboxMs: integer(env, 'LUMEGATE_SANDBOX_MS', { fallback: 1500, min: 0, max: 3_600_000 }),
    localTools: oneOf(env, 'LUMEGATE_LOCAL_TOOLS', ['auto', 'off'] as const),
    backgroundRemover: text(env, 'LUMEGATE_BACKGROUND_REMOVER'),
    allowPrivateUrls: flag(env, 'LUMEGATE_ALLOW_PRIVATE_URLS'),
    roles: roles(env),
    retentionMs: integer(env, 'LUMEGATE_RETENTION_DAYS', { fallback: 30, min: 1, max: 36_500 }) * 86_400_000,
    uploadMs: integer(env, 'LUMEGATE_UPLOAD_MINUTES', { fallback: 120, min: 1, max: 100_000 }) * 60_000,
    ratePerMinute: integer(env, 'LUMEGATE_RATE_PER_MINUTE', { fallback: 3000, min: 0, max: 100_000_000 }),
    teamConcurrency: integer(env, 'LUMEGATE_TEAM_CONCURRENCY', { fallback: 50, min: 1, max: 1_000_000 }),
    teamQueueMax: integer(env, 'LUMEGATE_TEAM_QUEUE', { fallback: 10_000, min: 1, max: 100_000_000 }),
    teamTrainings: integer(env, 'LUMEGATE_TEAM_TRAININGS', { fallback: 10, min: 1, max: 100_000 }),
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
  if (value?.startsWith(S3_SCHEME) === true) return null;
  if (value?.includes('://')) {
    throw new SettingError(`LUMEGATE_BLOBS must be a folder or s3://bucket/prefix, not "${value}"`);
  }
  return value;
}

const S3_SCHEME = 's3://';

function s3Setting(env: Environment): S3Setting | null {
  const value = text(env, 'LUMEGATE_BLOBS');
  if (value?.startsWith(S3_SCHEME) !== true) return null;
  const read = readS3Setting(value, env);
  if (!read.ok) throw new SettingError(read.problem);
  return read.setting;
}

function bootstrapKey(env: Environment): string | null {
  const value = text(env, 'LUMEGATE_BOOTSTRAP_KEY');
  if (value !== null && !/^afk_(?!test_)[0-9A-Za-z_]{32,200}$/.test(value)) {
    throw new SettingError('LUMEGATE_BOOTSTRAP_KEY must be afk_ and at least 32 letters or digits');
  }
  return value;
}

function providerUrls(env: Environment): Record<string, string> {
  return perProvider(env, 'URL', (name) => url(env, name));
}

function providerMaxInFlight(env: Environment): Record<string, number> {
  return perProvider(env, 'MAX_IN_FLIGHT', (name) => integer(env, name, { fallback: 1, min: 1, max: 1_000_000 }));
}

function providerDestinations(env: Environment): Record<string, string> {
  return perProvider(env, 'DESTINATION', (name) => {
    const value = text(env, name);
    if (value !== null && !/^[A-Za-z0-9][\w.-]{0,99}\/[A-Za-z0-9][\w.-]{0,99}$/.test(value)) {
      throw new SettingError(`${name} must be like owner/name, not "${value}"`);
    }
    return value;
  });
}

/** The values of `LUMEGATE_PROVIDER_<ID>_<ending>` by provider id. */
function perProvider<T>(env: Environment, ending: string, read: (name: string) => T | null): Record<string, T> {
  const found: Record<string, T> = {};
  const form = new RegExp(`^LUMEGATE_PROVIDER_([A-Z0-9_]+?)_${ending}$`);
  for (const name of Object.keys(env)) {
    const id = form.exec(name)?.[1];
    const value = id === undefined || text(env, name) === null ? null : read(name);
    if (id !== undefined && value !== null) found[id.toLowerCase().replaceAll('_', '-')] = value;
  }
  return found;
}

function providerSecrets(env: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of Object.keys(env)) {
    const isAnother = name === 'LUMEGATE_BOOTSTRAP_KEY' || name.startsWith('AWS_');
    const value = /_(KEY|TOKEN)$/.test(name) && !isAnother ? text(env, name) : null;
    if (value !== null) found[name] = value;
  }
  return found;
}

function list(env: Environment, name: string): string[] {
  return (text(env, name) ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function instances(env: Environment): InstanceSetting[] {
  return list(env, 'LUMEGATE_INSTANCES').map((part) => {
    const match = /^([a-z][a-z0-9-]{0,31})=([a-z][a-z0-9-]{0,31})$/.exec(part);
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new SettingError(`LUMEGATE_INSTANCES must be like workshop=openai-images,attic=sd-server, not "${part}"`);
    }
    const named = list(env, `LUMEGATE_PROVIDER_${match[1].toUpperCase().replaceAll('-', '_')}_MODELS`);
    const models = Object.fromEntries(
      named.map((entry) => {
        const [model = '', ...own] = entry.split(':');
        return [model, own.length === 0 ? model : own.join(':')];
      }),
    );
    return { id: match[1], provider: match[2], models: named.length === 0 ? null : models };
  });
}

function webhookSecret(env: Environment): string | null {
  const value = text(env, 'LUMEGATE_OPERATOR_WEBHOOK_SECRET');
  if (value !== null && !/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(value)) {
    throw new SettingError('LUMEGATE_OPERATOR_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64');
  }
  return value;
}

function roles(env: Environment): ReadonlySet<'api' | 'worker'> {
  const names = (text(env, 'LUMEGATE_ROLES') ?? 'api,worker').split(',').map((name) => name.trim());
  const known = names.filter((name) => name === 'api' || name === 'worker');
  if (known.length !== names.length) throw new SettingError('LUMEGATE_ROLES must be api, worker or both with a comma');
  return new Set(known);
}
