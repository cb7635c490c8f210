-- The schema that the migrations make on sqlite. Written by scripts/dump-schema.ts; a test compares.

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  team_id TEXT REFERENCES teams (id),
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  kind TEXT NOT NULL CHECK (kind IN ('team', 'usage-income', 'promotion', 'adjustment')),
  posted BIGINT NOT NULL,
  held BIGINT NOT NULL CHECK (held >= 0),
  open_holds BIGINT NOT NULL CHECK (open_holds >= 0),
  stopped BIGINT NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1)),
  CHECK (kind <> 'team' OR posted >= held),
  CHECK (kind = 'team' OR (posted = 0 AND held = 0 AND open_holds = 0)),
  CHECK ((kind = 'team') = (team_id IS NOT NULL)),
  UNIQUE (team_id, mode)
);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  lookup_hash TEXT NOT NULL UNIQUE,
  sealed_digest TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'revoked')),
  max_concurrent_jobs BIGINT CHECK (max_concurrent_jobs > 0),
  expires_at BIGINT,
  created_at BIGINT NOT NULL,
  revoked_at BIGINT
, is_admin BIGINT NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)));

CREATE INDEX api_keys_by_team ON api_keys (team_id);

CREATE TABLE attempts (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL REFERENCES jobs (id),
  number BIGINT NOT NULL CHECK (number > 0),
  provider TEXT NOT NULL,
  upstream_model TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('INTENT', 'SENT', 'ACCEPTED', 'DONE', 'REJECTED', 'AMBIGUOUS')),
  request_hash TEXT NOT NULL,
  callback_token TEXT NOT NULL,
  reference_json TEXT,
  failure_kind TEXT,
  failure_text TEXT,
  adjustments_json TEXT NOT NULL,
  seed BIGINT,
  cost_micro_usd BIGINT,
  lease_epoch BIGINT NOT NULL,
  intent_at BIGINT NOT NULL,
  accepted_at BIGINT,
  closed_at BIGINT, provider_key TEXT, upstream_id TEXT, expected_cost_micro_usd BIGINT, ready_json TEXT,
  UNIQUE (job_id, number),
  CHECK (state <> 'ACCEPTED' OR reference_json IS NOT NULL),
  CHECK ((state IN ('DONE', 'REJECTED')) = (closed_at IS NOT NULL) OR state = 'AMBIGUOUS')
);

CREATE UNIQUE INDEX attempts_one_per_generation ON attempts (provider, upstream_id) WHERE upstream_id IS NOT NULL;

CREATE TABLE cost_entries (
  attempt_id TEXT PRIMARY KEY REFERENCES attempts (id),
  provider TEXT NOT NULL,
  account TEXT NOT NULL CHECK (account IN ('cost', 'suspense')),
  amount_micro_usd BIGINT NOT NULL CHECK (amount_micro_usd >= 0),
  created_at BIGINT NOT NULL
);

CREATE INDEX cost_entries_in_suspense ON cost_entries (provider) WHERE account = 'suspense';

CREATE TRIGGER cost_entries_never_go BEFORE DELETE ON cost_entries
BEGIN SELECT RAISE(ABORT, 'cost entries are only ever added'); END;

CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  job_id TEXT NOT NULL REFERENCES jobs (id),
  key_id TEXT NOT NULL,
  event TEXT NOT NULL CHECK (event IN ('progress', 'completed', 'failed')),
  sequence BIGINT NOT NULL,
  url TEXT NOT NULL,
  host TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'superseded')),
  tries BIGINT NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL,
  lease_owner TEXT,
  lease_epoch BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  CHECK ((state = 'pending') = (ended_at IS NULL))
);

CREATE INDEX deliveries_by_job ON deliveries (job_id);

CREATE INDEX deliveries_due ON deliveries (due_at, id) WHERE state = 'pending';

CREATE INDEX deliveries_leased ON deliveries (lease_owner) WHERE state = 'pending';

CREATE UNIQUE INDEX deliveries_one_ending_per_job ON deliveries (job_id) WHERE event <> 'progress';

CREATE TABLE delivery_tries (
  delivery_id TEXT NOT NULL REFERENCES deliveries (id),
  number BIGINT NOT NULL CHECK (number > 0),
  at BIGINT NOT NULL,
  duration_ms BIGINT NOT NULL,
  status_code BIGINT,
  failure TEXT,
  PRIMARY KEY (delivery_id, number)
);

CREATE TABLE idempotency (
  team_id TEXT NOT NULL REFERENCES teams (id),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  job_id TEXT NOT NULL REFERENCES jobs (id) DEFERRABLE INITIALLY DEFERRED,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (team_id, key)
);

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE TABLE job_events (
  job_id TEXT NOT NULL REFERENCES jobs (id),
  sequence BIGINT NOT NULL CHECK (sequence > 0),
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  data_json TEXT NOT NULL,
  PRIMARY KEY (job_id, sequence)
);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  user_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  operation TEXT NOT NULL,
  model TEXT NOT NULL,
  input_json TEXT NOT NULL,
  call_json TEXT NOT NULL,
  price_micro BIGINT NOT NULL CHECK (price_micro > 0),
  charge_micro BIGINT NOT NULL CHECK (charge_micro BETWEEN 0 AND price_micro),
  status TEXT NOT NULL CHECK (status IN ('QUEUED', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')),
  progress BIGINT NOT NULL CHECK (progress BETWEEN 0 AND 100),
  result_json TEXT,
  error TEXT,
  failure_kind TEXT,
  provider TEXT,
  webhook_url TEXT,
  webhook_events TEXT,
  webhook_status TEXT CHECK (webhook_status IN ('pending', 'delivered', 'failed')),
  queue_rank BIGINT NOT NULL,
  cancel_requested_at BIGINT,
  lease_owner TEXT,
  lease_epoch BIGINT NOT NULL DEFAULT 0,
  crashes BIGINT NOT NULL DEFAULT 0,
  expired BIGINT NOT NULL DEFAULT 0 CHECK (expired IN (0, 1)),
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  completed_at BIGINT,
  deadline_at BIGINT NOT NULL, providers TEXT, provider_key TEXT, own_keys BIGINT NOT NULL DEFAULT 0 CHECK (own_keys IN (0, 1)),
  CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (completed_at IS NOT NULL)),
  CHECK (status <> 'COMPLETED' OR (result_json IS NOT NULL AND progress = 100 AND charge_micro > 0)),
  CHECK (status NOT IN ('FAILED', 'CANCELLED') OR charge_micro = 0),
  CHECK (status = 'PROCESSING' OR lease_owner IS NULL)
);

CREATE INDEX jobs_by_team ON jobs (team_id, mode, created_at DESC, id DESC);

CREATE INDEX jobs_by_user ON jobs (team_id, user_id, mode, created_at DESC, id DESC);

CREATE INDEX jobs_ended_of_team ON jobs (team_id, mode, status, created_at DESC, id DESC) WHERE completed_at IS NOT NULL;

CREATE INDEX jobs_ended_of_team_model ON jobs (team_id, mode, model, status, created_at DESC, id DESC) WHERE completed_at IS NOT NULL;

CREATE INDEX jobs_ended_of_user ON jobs (team_id, mode, user_id, status, created_at DESC, id DESC) WHERE completed_at IS NOT NULL;

CREATE INDEX jobs_ended_of_user_model ON jobs (team_id, mode, user_id, model, status, created_at DESC, id DESC) WHERE completed_at IS NOT NULL;

CREATE INDEX jobs_leased ON jobs (lease_owner) WHERE status = 'PROCESSING';

CREATE INDEX jobs_measured ON jobs (model, operation, completed_at DESC, started_at)
  WHERE status = 'COMPLETED' AND mode = 'live' AND provider <> 'sandbox';

CREATE INDEX jobs_open_deadline ON jobs (deadline_at) WHERE completed_at IS NULL;

CREATE INDEX jobs_running ON jobs (team_id, key_id, provider, provider_key) WHERE status = 'PROCESSING';

CREATE INDEX jobs_waiting ON jobs (queue_rank, id) WHERE status = 'QUEUED';

CREATE INDEX jobs_waiting_of_team ON jobs (team_id, queue_rank DESC, mode, user_id, model, created_at, id, status)
  WHERE LOWER(status) = 'queued';

CREATE TRIGGER jobs_final_states_stay BEFORE UPDATE OF status ON jobs
WHEN OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a final state never changes'); END;

CREATE TABLE key_budgets (
  key_id TEXT PRIMARY KEY REFERENCES api_keys (id),
  cap_micro BIGINT CHECK (cap_micro >= 0),
  spent_micro BIGINT NOT NULL CHECK (spent_micro >= 0),
  held_micro BIGINT NOT NULL CHECK (held_micro >= 0)
);

CREATE TABLE loras (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  user_id TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('live', 'test')),
  job_id TEXT NOT NULL UNIQUE REFERENCES jobs (id),
  name TEXT NOT NULL,
  subject_kind TEXT NOT NULL CHECK (subject_kind IN ('person', 'style', 'object')),
  gender TEXT,
  ethnicity TEXT,
  age TEXT,
  image_count BIGINT NOT NULL CHECK (image_count > 0),
  steps BIGINT NOT NULL CHECK (steps > 0),
  lora_rank BIGINT NOT NULL CHECK (lora_rank > 0),
  trigger_word TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  archived_at BIGINT
);

CREATE INDEX loras_of_team ON loras (team_id, mode, id);

CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE migrations (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL);

CREATE TABLE operator_alerts (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'unsent')),
  tries BIGINT NOT NULL DEFAULT 0,
  due_at BIGINT NOT NULL
);

CREATE INDEX operator_alerts_due ON operator_alerts (due_at) WHERE state = 'pending';

CREATE TABLE outputs (
  id TEXT PRIMARY KEY,
  job_id TEXT NOT NULL REFERENCES jobs (id),
  team_id TEXT NOT NULL REFERENCES teams (id),
  position BIGINT NOT NULL CHECK (position > 0),
  token TEXT NOT NULL UNIQUE,
  file_name TEXT NOT NULL,
  blob_key TEXT NOT NULL UNIQUE,
  content_type TEXT NOT NULL,
  size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
  sha256 TEXT NOT NULL,
  width BIGINT,
  height BIGINT,
  created_at BIGINT NOT NULL,
  retain_until BIGINT NOT NULL,
  deleted_at BIGINT, role TEXT NOT NULL DEFAULT 'result' CHECK (role IN ('result', 'grid', 'cover')), seconds DOUBLE PRECISION,
  UNIQUE (job_id, position)
);

CREATE INDEX outputs_by_retention ON outputs (retain_until) WHERE deleted_at IS NULL;

CREATE TABLE provider_key_states (
  key_id TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  team_id TEXT,
  kind TEXT NOT NULL CHECK (kind IN ('unauthorized', 'quota')),
  text TEXT NOT NULL,
  refusals BIGINT NOT NULL CHECK (refusals > 0),
  since BIGINT NOT NULL,
  retry_at BIGINT NOT NULL
);

CREATE TABLE provider_keys (
  id TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  team_id TEXT REFERENCES teams (id),
  label TEXT NOT NULL,
  last4 TEXT NOT NULL,
  sealed_secret TEXT NOT NULL,
  sealed_key TEXT NOT NULL,
  max_in_flight BIGINT CHECK (max_in_flight > 0),
  created_at BIGINT NOT NULL,
  removed_at BIGINT
);

CREATE INDEX provider_keys_by_provider ON provider_keys (provider, team_id) WHERE removed_at IS NULL;

CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  plan TEXT NOT NULL,
  customer_id TEXT,
  max_concurrent_jobs BIGINT NOT NULL CHECK (max_concurrent_jobs > 0),
  created_at BIGINT NOT NULL
);

CREATE TABLE transfers (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('grant', 'hold', 'capture', 'release', 'adjust')),
  hold_id TEXT REFERENCES transfers (id),
  debit_account TEXT NOT NULL REFERENCES accounts (id),
  credit_account TEXT NOT NULL REFERENCES accounts (id),
  amount_micro BIGINT NOT NULL CHECK (amount_micro BETWEEN 1 AND 9000000000000000),
  job_id TEXT,
  key_id TEXT,
  external_ref TEXT,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  CHECK (debit_account <> credit_account),
  CHECK ((kind IN ('capture', 'release')) = (hold_id IS NOT NULL)),
  CHECK (kind NOT IN ('hold', 'capture', 'release') OR job_id IS NOT NULL)
);

CREATE INDEX transfers_by_credit ON transfers (credit_account, created_at);

CREATE INDEX transfers_by_debit ON transfers (debit_account, created_at);

CREATE UNIQUE INDEX transfers_once_per_reference ON transfers (external_ref) WHERE external_ref IS NOT NULL;

CREATE UNIQUE INDEX transfers_one_hold_per_job ON transfers (job_id) WHERE kind = 'hold';

CREATE UNIQUE INDEX transfers_one_settle_per_hold ON transfers (hold_id) WHERE kind IN ('capture', 'release');

CREATE TRIGGER transfers_never_change BEFORE UPDATE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are only ever added'); END;

CREATE TRIGGER transfers_never_go BEFORE DELETE ON transfers
BEGIN SELECT RAISE(ABORT, 'transfers are only ever added'); END;

CREATE TABLE "uploads" (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  user_id TEXT NOT NULL,
  token TEXT NOT NULL UNIQUE,
  file_name TEXT NOT NULL,
  blob_key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'archive')),
  content_type TEXT NOT NULL,
  size_bytes BIGINT NOT NULL CHECK (size_bytes > 0),
  sha256 TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  deleted_at BIGINT
);

CREATE INDEX uploads_by_expiry ON uploads (expires_at) WHERE deleted_at IS NULL;

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  team_id TEXT NOT NULL REFERENCES teams (id),
  email TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK (role IN ('OWNER', 'ADMIN', 'MEMBER')),
  created_at BIGINT NOT NULL
);

CREATE TABLE workers (
  id TEXT PRIMARY KEY,
  started_at BIGINT NOT NULL,
  alive_until BIGINT NOT NULL
);
