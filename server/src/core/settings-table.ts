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
  {
    name: 'LUMEGATE_BLOBS',
    default: '`blobs` in the data folder',
    meaning: 'Folder of the stored files, or `s3://bucket/prefix` for any S3-compatible service.',
  },
  {
    name: 'AWS_ACCESS_KEY_ID',
    default: 'none',
    meaning:
      'Access to the bucket, with `AWS_SECRET_ACCESS_KEY` and, where the service gives one, `AWS_SESSION_TOKEN`.',
  },
  { name: 'AWS_REGION', default: 'us-east-1', meaning: 'Region of the bucket; `AWS_DEFAULT_REGION` is read too.' },
  {
    name: 'AWS_ENDPOINT_URL_S3',
    default: 'Amazon S3',
    meaning:
      'Address of another S3-compatible service (`AWS_ENDPOINT_URL` is read too). Loopback is allowed; the bucket is named in the path.',
  },
  {
    name: 'LUMEGATE_S3_PUBLIC_URL',
    default: 'the endpoint',
    meaning: 'What clients reach the service under, for signed links.',
  },
  {
    name: 'LUMEGATE_MEDIA',
    default: 'served',
    meaning:
      '`served`: result files come through Lumegate. `signed`: their addresses redirect to a link at the S3 service that lives five minutes.',
  },
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
    name: '<PROVIDER>_API_KEY',
    default: 'none',
    meaning:
      'Key of a provider, under the name in its file, as `BFL_API_KEY` or `FAL_KEY`; the README lists them. Several with commas between share the work. Keys can also be kept in the store: `lumegate provider set`.',
  },
  {
    name: 'LUMEGATE_PROVIDER_<ID>_URL',
    default: 'the provider’s own',
    meaning:
      'Another base address for one provider, for example `LUMEGATE_PROVIDER_SANDBOX_URL`. Loopback is allowed here. Providers on your own machines (`sd-server`, `comfyui`, `openai-images`) have no other.',
  },
  {
    name: 'LUMEGATE_PROVIDER_<ID>_MAX_IN_FLIGHT',
    default: 'the provider’s file',
    meaning: 'Generations under way at once with one key of this provider.',
  },
  {
    name: 'LUMEGATE_PROVIDER_<ID>_DESTINATION',
    default: 'none',
    meaning:
      'Model of your own account, as `owner/name`, under which a provider keeps what it trains; make it there first, private. Replicate trains no LoRA without `LUMEGATE_PROVIDER_REPLICATE_DESTINATION`.',
  },
  {
    name: 'LUMEGATE_INSTANCES',
    default: 'none',
    meaning:
      'Further providers that speak like a known one: `workshop=openai-images,attic=sd-server`. Each takes `LUMEGATE_PROVIDER_WORKSHOP_URL`, `LUMEGATE_PROVIDER_WORKSHOP_KEY` and, to serve some models alone or under other names, `LUMEGATE_PROVIDER_WORKSHOP_MODELS=flux-1.1-pro:its-own-name,flux-2-dev`.',
  },
  {
    name: 'LUMEGATE_PROVIDER_ORDER',
    default: 'the model’s file',
    meaning: 'Providers in the order in which they are tried, with commas; those not named come after, in their order.',
  },
  {
    name: 'LUMEGATE_AMBIGUOUS',
    default: 'fail',
    meaning:
      'What follows when a lost purchase was never found: `fail` releases the caller, `retry-once` buys once more and may pay twice. Providers on your own machines are always tried once more.',
  },
  {
    name: 'LUMEGATE_CONTENT_REFUSED',
    default: 'fail',
    meaning: '`other-route` asks the next provider after a refusal for content; `fail` never shops around.',
  },
  {
    name: 'LUMEGATE_SHORTFALL',
    default: 'keep',
    meaning:
      'What follows when a provider delivers less than was ordered: `keep` bills what came, `reroute` buys anew at another provider where there is one.',
  },
  {
    name: 'LUMEGATE_OWN_KEY_FEE',
    default: '1',
    meaning: 'Credits that a run costs a team which brought its own provider key.',
  },
  {
    name: 'LUMEGATE_MARGIN_PERCENT',
    default: '25',
    meaning: 'What is put on top of a provider’s cost, for models of which no price is known and the cost is.',
  },
  {
    name: 'LUMEGATE_OPERATOR_WEBHOOK',
    default: 'none',
    meaning: 'Address that hears of refused and exhausted provider keys and of open circuits.',
  },
  {
    name: 'LUMEGATE_OPERATOR_WEBHOOK_SECRET',
    default: 'none',
    meaning: '`whsec_…` with which those messages are signed (Standard Webhooks).',
  },
  {
    name: 'LUMEGATE_SANDBOX',
    default: 'auto',
    meaning:
      '`auto`: the sandbox serves live keys until the first provider key is there. `on`: it is the last resort for every model. `off`: test keys only.',
  },
  { name: 'LUMEGATE_SANDBOX_MS', default: '1500', meaning: 'Milliseconds that a sandbox generation takes at least.' },
  {
    name: 'LUMEGATE_LOCAL_TOOLS',
    default: 'auto',
    meaning:
      '`auto`: pictures are doubled inside this gateway where `onnxruntime-node` is installed, and painted where their weights were fetched, on half of its cores. `off`: never.',
  },
  {
    name: 'LUMEGATE_BACKGROUND_REMOVER',
    default: 'none',
    meaning:
      'A program that says what belongs to the background of a picture: its path, or a name in `PATH`; `.mjs` and `.js` files are run by Node. What it is given and what it has to write: docs/providers.md.',
  },
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
    name: 'LUMEGATE_TEAM_TRAININGS',
    default: '10',
    meaning: 'LoRAs of one team in training at once; one more is answered 429.',
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
