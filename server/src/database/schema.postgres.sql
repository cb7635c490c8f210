-- The schema that the migrations make on postgres. Written by scripts/dump-schema.ts; a test compares.

CREATE TABLE accounts (
  id text NOT NULL,
  team_id text,
  mode text NOT NULL,
  kind text NOT NULL,
  posted bigint NOT NULL,
  held bigint NOT NULL,
  open_holds bigint NOT NULL,
  stopped bigint DEFAULT 0 NOT NULL
);

CREATE TABLE api_keys (
  id text NOT NULL,
  team_id text NOT NULL,
  user_id text NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  lookup_hash text NOT NULL,
  sealed_digest text NOT NULL,
  mode text NOT NULL,
  status text NOT NULL,
  max_concurrent_jobs bigint,
  expires_at bigint,
  created_at bigint NOT NULL,
  revoked_at bigint,
  is_admin bigint DEFAULT 0 NOT NULL
);

CREATE TABLE attempts (
  id text NOT NULL,
  job_id text NOT NULL,
  number bigint NOT NULL,
  provider text NOT NULL,
  upstream_model text NOT NULL,
  state text NOT NULL,
  request_hash text NOT NULL,
  callback_token text NOT NULL,
  reference_json text,
  failure_kind text,
  failure_text text,
  adjustments_json text NOT NULL,
  seed bigint,
  cost_micro_usd bigint,
  lease_epoch bigint NOT NULL,
  intent_at bigint NOT NULL,
  accepted_at bigint,
  closed_at bigint,
  provider_key text,
  upstream_id text,
  expected_cost_micro_usd bigint,
  ready_json text
);

CREATE TABLE cost_entries (
  attempt_id text NOT NULL,
  provider text NOT NULL,
  account text NOT NULL,
  amount_micro_usd bigint NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE deliveries (
  id text NOT NULL,
  team_id text NOT NULL,
  job_id text NOT NULL,
  key_id text NOT NULL,
  event text NOT NULL,
  sequence bigint NOT NULL,
  url text NOT NULL,
  host text NOT NULL,
  body text NOT NULL,
  state text NOT NULL,
  tries bigint DEFAULT 0 NOT NULL,
  due_at bigint NOT NULL,
  lease_owner text,
  lease_epoch bigint DEFAULT 0 NOT NULL,
  created_at bigint NOT NULL,
  ended_at bigint
);

CREATE TABLE delivery_tries (
  delivery_id text NOT NULL,
  number bigint NOT NULL,
  at bigint NOT NULL,
  duration_ms bigint NOT NULL,
  status_code bigint,
  failure text
);

CREATE TABLE idempotency (
  team_id text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  job_id text NOT NULL,
  expires_at bigint NOT NULL
);

CREATE TABLE job_events (
  job_id text NOT NULL,
  sequence bigint NOT NULL,
  kind text NOT NULL,
  at bigint NOT NULL,
  data_json text NOT NULL
);

CREATE TABLE jobs (
  id text NOT NULL,
  team_id text NOT NULL,
  user_id text NOT NULL,
  key_id text NOT NULL,
  mode text NOT NULL,
  operation text NOT NULL,
  model text NOT NULL,
  input_json text NOT NULL,
  call_json text NOT NULL,
  price_micro bigint NOT NULL,
  charge_micro bigint NOT NULL,
  status text NOT NULL,
  progress bigint NOT NULL,
  result_json text,
  error text,
  failure_kind text,
  provider text,
  webhook_url text,
  webhook_events text,
  webhook_status text,
  queue_rank bigint NOT NULL,
  cancel_requested_at bigint,
  lease_owner text,
  lease_epoch bigint DEFAULT 0 NOT NULL,
  crashes bigint DEFAULT 0 NOT NULL,
  expired bigint DEFAULT 0 NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  completed_at bigint,
  deadline_at bigint NOT NULL,
  providers text,
  provider_key text,
  own_keys bigint DEFAULT 0 NOT NULL
);

CREATE TABLE key_budgets (
  key_id text NOT NULL,
  cap_micro bigint,
  spent_micro bigint NOT NULL,
  held_micro bigint NOT NULL
);

CREATE TABLE loras (
  id text NOT NULL,
  team_id text NOT NULL,
  user_id text NOT NULL,
  mode text NOT NULL,
  job_id text NOT NULL,
  name text NOT NULL,
  subject_kind text NOT NULL,
  gender text,
  ethnicity text,
  age text,
  image_count bigint NOT NULL,
  steps bigint NOT NULL,
  lora_rank bigint NOT NULL,
  trigger_word text NOT NULL,
  created_at bigint NOT NULL,
  archived_at bigint
);

CREATE TABLE meta (
  name text NOT NULL,
  value text NOT NULL
);

CREATE TABLE migrations (
  name text NOT NULL,
  applied_at bigint NOT NULL
);

CREATE TABLE operator_alerts (
  id text NOT NULL,
  kind text NOT NULL,
  subject text NOT NULL,
  text text NOT NULL,
  created_at bigint NOT NULL,
  state text NOT NULL,
  tries bigint DEFAULT 0 NOT NULL,
  due_at bigint NOT NULL
);

CREATE TABLE outputs (
  id text NOT NULL,
  job_id text NOT NULL,
  team_id text NOT NULL,
  position bigint NOT NULL,
  token text NOT NULL,
  file_name text NOT NULL,
  blob_key text NOT NULL,
  content_type text NOT NULL,
  size_bytes bigint NOT NULL,
  sha256 text NOT NULL,
  width bigint,
  height bigint,
  created_at bigint NOT NULL,
  retain_until bigint NOT NULL,
  deleted_at bigint,
  role text DEFAULT 'result'::text NOT NULL,
  seconds double precision
);

CREATE TABLE provider_key_states (
  key_id text NOT NULL,
  provider text NOT NULL,
  team_id text,
  kind text NOT NULL,
  text text NOT NULL,
  refusals bigint NOT NULL,
  since bigint NOT NULL,
  retry_at bigint NOT NULL
);

CREATE TABLE provider_keys (
  id text NOT NULL,
  provider text NOT NULL,
  team_id text,
  label text NOT NULL,
  last4 text NOT NULL,
  sealed_secret text NOT NULL,
  sealed_key text NOT NULL,
  max_in_flight bigint,
  created_at bigint NOT NULL,
  removed_at bigint
);

CREATE TABLE teams (
  id text NOT NULL,
  name text NOT NULL,
  plan text NOT NULL,
  customer_id text,
  max_concurrent_jobs bigint NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE transfers (
  id text NOT NULL,
  kind text NOT NULL,
  hold_id text,
  debit_account text NOT NULL,
  credit_account text NOT NULL,
  amount_micro bigint NOT NULL,
  job_id text,
  key_id text,
  external_ref text,
  actor text NOT NULL,
  reason text NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE uploads (
  id text NOT NULL,
  team_id text NOT NULL,
  user_id text NOT NULL,
  token text NOT NULL,
  file_name text NOT NULL,
  blob_key text NOT NULL,
  kind text NOT NULL,
  content_type text NOT NULL,
  size_bytes bigint NOT NULL,
  sha256 text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  deleted_at bigint
);

CREATE TABLE users (
  id text NOT NULL,
  team_id text NOT NULL,
  email text NOT NULL,
  role text NOT NULL,
  created_at bigint NOT NULL
);

CREATE TABLE workers (
  id text NOT NULL,
  started_at bigint NOT NULL,
  alive_until bigint NOT NULL
);

ALTER TABLE accounts ADD CONSTRAINT accounts_check CHECK (((kind <> 'team'::text) OR (posted >= held)));

ALTER TABLE accounts ADD CONSTRAINT accounts_check1 CHECK (((kind = 'team'::text) OR ((posted = 0) AND (held = 0) AND (open_holds = 0))));

ALTER TABLE accounts ADD CONSTRAINT accounts_check2 CHECK (((kind = 'team'::text) = (team_id IS NOT NULL)));

ALTER TABLE accounts ADD CONSTRAINT accounts_held_check CHECK ((held >= 0));

ALTER TABLE accounts ADD CONSTRAINT accounts_kind_check CHECK ((kind = ANY (ARRAY['team'::text, 'usage-income'::text, 'promotion'::text, 'adjustment'::text])));

ALTER TABLE accounts ADD CONSTRAINT accounts_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text])));

ALTER TABLE accounts ADD CONSTRAINT accounts_open_holds_check CHECK ((open_holds >= 0));

ALTER TABLE accounts ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);

ALTER TABLE accounts ADD CONSTRAINT accounts_stopped_check CHECK ((stopped = ANY (ARRAY[(0)::bigint, (1)::bigint])));

ALTER TABLE accounts ADD CONSTRAINT accounts_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE accounts ADD CONSTRAINT accounts_team_id_mode_key UNIQUE (team_id, mode);

ALTER TABLE api_keys ADD CONSTRAINT api_keys_is_admin_check CHECK ((is_admin = ANY (ARRAY[(0)::bigint, (1)::bigint])));

ALTER TABLE api_keys ADD CONSTRAINT api_keys_lookup_hash_key UNIQUE (lookup_hash);

ALTER TABLE api_keys ADD CONSTRAINT api_keys_max_concurrent_jobs_check CHECK ((max_concurrent_jobs > 0));

ALTER TABLE api_keys ADD CONSTRAINT api_keys_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text])));

ALTER TABLE api_keys ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE api_keys ADD CONSTRAINT api_keys_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'revoked'::text])));

ALTER TABLE api_keys ADD CONSTRAINT api_keys_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE api_keys ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id);

ALTER TABLE attempts ADD CONSTRAINT attempts_check CHECK (((state <> 'ACCEPTED'::text) OR (reference_json IS NOT NULL)));

ALTER TABLE attempts ADD CONSTRAINT attempts_check1 CHECK ((((state = ANY (ARRAY['DONE'::text, 'REJECTED'::text])) = (closed_at IS NOT NULL)) OR (state = 'AMBIGUOUS'::text)));

ALTER TABLE attempts ADD CONSTRAINT attempts_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id);

ALTER TABLE attempts ADD CONSTRAINT attempts_job_id_number_key UNIQUE (job_id, number);

ALTER TABLE attempts ADD CONSTRAINT attempts_number_check CHECK ((number > 0));

ALTER TABLE attempts ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);

ALTER TABLE attempts ADD CONSTRAINT attempts_state_check CHECK ((state = ANY (ARRAY['INTENT'::text, 'SENT'::text, 'ACCEPTED'::text, 'DONE'::text, 'REJECTED'::text, 'AMBIGUOUS'::text])));

ALTER TABLE cost_entries ADD CONSTRAINT cost_entries_account_check CHECK ((account = ANY (ARRAY['cost'::text, 'suspense'::text])));

ALTER TABLE cost_entries ADD CONSTRAINT cost_entries_amount_micro_usd_check CHECK ((amount_micro_usd >= 0));

ALTER TABLE cost_entries ADD CONSTRAINT cost_entries_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES attempts(id);

ALTER TABLE cost_entries ADD CONSTRAINT cost_entries_pkey PRIMARY KEY (attempt_id);

ALTER TABLE deliveries ADD CONSTRAINT deliveries_check CHECK (((state = 'pending'::text) = (ended_at IS NULL)));

ALTER TABLE deliveries ADD CONSTRAINT deliveries_event_check CHECK ((event = ANY (ARRAY['progress'::text, 'completed'::text, 'failed'::text])));

ALTER TABLE deliveries ADD CONSTRAINT deliveries_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id);

ALTER TABLE deliveries ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);

ALTER TABLE deliveries ADD CONSTRAINT deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text, 'superseded'::text])));

ALTER TABLE deliveries ADD CONSTRAINT deliveries_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE delivery_tries ADD CONSTRAINT delivery_tries_delivery_id_fkey FOREIGN KEY (delivery_id) REFERENCES deliveries(id);

ALTER TABLE delivery_tries ADD CONSTRAINT delivery_tries_number_check CHECK ((number > 0));

ALTER TABLE delivery_tries ADD CONSTRAINT delivery_tries_pkey PRIMARY KEY (delivery_id, number);

ALTER TABLE idempotency ADD CONSTRAINT idempotency_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE idempotency ADD CONSTRAINT idempotency_pkey PRIMARY KEY (team_id, key);

ALTER TABLE idempotency ADD CONSTRAINT idempotency_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE job_events ADD CONSTRAINT job_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id);

ALTER TABLE job_events ADD CONSTRAINT job_events_pkey PRIMARY KEY (job_id, sequence);

ALTER TABLE job_events ADD CONSTRAINT job_events_sequence_check CHECK ((sequence > 0));

ALTER TABLE jobs ADD CONSTRAINT jobs_check CHECK (((charge_micro >= 0) AND (charge_micro <= price_micro)));

ALTER TABLE jobs ADD CONSTRAINT jobs_check1 CHECK (((status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])) = (completed_at IS NOT NULL)));

ALTER TABLE jobs ADD CONSTRAINT jobs_check2 CHECK (((status <> 'COMPLETED'::text) OR ((result_json IS NOT NULL) AND (progress = 100) AND (charge_micro > 0))));

ALTER TABLE jobs ADD CONSTRAINT jobs_check3 CHECK (((status <> ALL (ARRAY['FAILED'::text, 'CANCELLED'::text])) OR (charge_micro = 0)));

ALTER TABLE jobs ADD CONSTRAINT jobs_check4 CHECK (((status = 'PROCESSING'::text) OR (lease_owner IS NULL)));

ALTER TABLE jobs ADD CONSTRAINT jobs_expired_check CHECK ((expired = ANY (ARRAY[(0)::bigint, (1)::bigint])));

ALTER TABLE jobs ADD CONSTRAINT jobs_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text])));

ALTER TABLE jobs ADD CONSTRAINT jobs_own_keys_check CHECK ((own_keys = ANY (ARRAY[(0)::bigint, (1)::bigint])));

ALTER TABLE jobs ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE jobs ADD CONSTRAINT jobs_price_micro_check CHECK ((price_micro > 0));

ALTER TABLE jobs ADD CONSTRAINT jobs_progress_check CHECK (((progress >= 0) AND (progress <= 100)));

ALTER TABLE jobs ADD CONSTRAINT jobs_status_check CHECK ((status = ANY (ARRAY['QUEUED'::text, 'PROCESSING'::text, 'COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])));

ALTER TABLE jobs ADD CONSTRAINT jobs_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE jobs ADD CONSTRAINT jobs_webhook_status_check CHECK ((webhook_status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text])));

ALTER TABLE key_budgets ADD CONSTRAINT key_budgets_cap_micro_check CHECK ((cap_micro >= 0));

ALTER TABLE key_budgets ADD CONSTRAINT key_budgets_held_micro_check CHECK ((held_micro >= 0));

ALTER TABLE key_budgets ADD CONSTRAINT key_budgets_key_id_fkey FOREIGN KEY (key_id) REFERENCES api_keys(id);

ALTER TABLE key_budgets ADD CONSTRAINT key_budgets_pkey PRIMARY KEY (key_id);

ALTER TABLE key_budgets ADD CONSTRAINT key_budgets_spent_micro_check CHECK ((spent_micro >= 0));

ALTER TABLE loras ADD CONSTRAINT loras_image_count_check CHECK ((image_count > 0));

ALTER TABLE loras ADD CONSTRAINT loras_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id);

ALTER TABLE loras ADD CONSTRAINT loras_job_id_key UNIQUE (job_id);

ALTER TABLE loras ADD CONSTRAINT loras_lora_rank_check CHECK ((lora_rank > 0));

ALTER TABLE loras ADD CONSTRAINT loras_mode_check CHECK ((mode = ANY (ARRAY['live'::text, 'test'::text])));

ALTER TABLE loras ADD CONSTRAINT loras_pkey PRIMARY KEY (id);

ALTER TABLE loras ADD CONSTRAINT loras_steps_check CHECK ((steps > 0));

ALTER TABLE loras ADD CONSTRAINT loras_subject_kind_check CHECK ((subject_kind = ANY (ARRAY['person'::text, 'style'::text, 'object'::text])));

ALTER TABLE loras ADD CONSTRAINT loras_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE meta ADD CONSTRAINT meta_pkey PRIMARY KEY (name);

ALTER TABLE migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

ALTER TABLE operator_alerts ADD CONSTRAINT operator_alerts_pkey PRIMARY KEY (id);

ALTER TABLE operator_alerts ADD CONSTRAINT operator_alerts_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text, 'unsent'::text])));

ALTER TABLE outputs ADD CONSTRAINT outputs_blob_key_key UNIQUE (blob_key);

ALTER TABLE outputs ADD CONSTRAINT outputs_job_id_fkey FOREIGN KEY (job_id) REFERENCES jobs(id);

ALTER TABLE outputs ADD CONSTRAINT outputs_job_id_position_key UNIQUE (job_id, "position");

ALTER TABLE outputs ADD CONSTRAINT outputs_pkey PRIMARY KEY (id);

ALTER TABLE outputs ADD CONSTRAINT outputs_position_check CHECK (("position" > 0));

ALTER TABLE outputs ADD CONSTRAINT outputs_role_check CHECK ((role = ANY (ARRAY['result'::text, 'grid'::text, 'cover'::text])));

ALTER TABLE outputs ADD CONSTRAINT outputs_size_bytes_check CHECK ((size_bytes > 0));

ALTER TABLE outputs ADD CONSTRAINT outputs_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE outputs ADD CONSTRAINT outputs_token_key UNIQUE (token);

ALTER TABLE provider_key_states ADD CONSTRAINT provider_key_states_kind_check CHECK ((kind = ANY (ARRAY['unauthorized'::text, 'quota'::text])));

ALTER TABLE provider_key_states ADD CONSTRAINT provider_key_states_pkey PRIMARY KEY (key_id);

ALTER TABLE provider_key_states ADD CONSTRAINT provider_key_states_refusals_check CHECK ((refusals > 0));

ALTER TABLE provider_keys ADD CONSTRAINT provider_keys_max_in_flight_check CHECK ((max_in_flight > 0));

ALTER TABLE provider_keys ADD CONSTRAINT provider_keys_pkey PRIMARY KEY (id);

ALTER TABLE provider_keys ADD CONSTRAINT provider_keys_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE teams ADD CONSTRAINT teams_max_concurrent_jobs_check CHECK ((max_concurrent_jobs > 0));

ALTER TABLE teams ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE transfers ADD CONSTRAINT transfers_amount_micro_check CHECK (((amount_micro >= 1) AND (amount_micro <= '9000000000000000'::bigint)));

ALTER TABLE transfers ADD CONSTRAINT transfers_check CHECK ((debit_account <> credit_account));

ALTER TABLE transfers ADD CONSTRAINT transfers_check1 CHECK (((kind = ANY (ARRAY['capture'::text, 'release'::text])) = (hold_id IS NOT NULL)));

ALTER TABLE transfers ADD CONSTRAINT transfers_check2 CHECK (((kind <> ALL (ARRAY['hold'::text, 'capture'::text, 'release'::text])) OR (job_id IS NOT NULL)));

ALTER TABLE transfers ADD CONSTRAINT transfers_credit_account_fkey FOREIGN KEY (credit_account) REFERENCES accounts(id);

ALTER TABLE transfers ADD CONSTRAINT transfers_debit_account_fkey FOREIGN KEY (debit_account) REFERENCES accounts(id);

ALTER TABLE transfers ADD CONSTRAINT transfers_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES transfers(id);

ALTER TABLE transfers ADD CONSTRAINT transfers_kind_check CHECK ((kind = ANY (ARRAY['grant'::text, 'hold'::text, 'capture'::text, 'release'::text, 'adjust'::text])));

ALTER TABLE transfers ADD CONSTRAINT transfers_pkey PRIMARY KEY (id);

ALTER TABLE uploads ADD CONSTRAINT uploads_blob_key_key UNIQUE (blob_key);

ALTER TABLE uploads ADD CONSTRAINT uploads_kind_check CHECK ((kind = ANY (ARRAY['image'::text, 'video'::text, 'audio'::text, 'archive'::text])));

ALTER TABLE uploads ADD CONSTRAINT uploads_pkey PRIMARY KEY (id);

ALTER TABLE uploads ADD CONSTRAINT uploads_size_bytes_check CHECK ((size_bytes > 0));

ALTER TABLE uploads ADD CONSTRAINT uploads_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE uploads ADD CONSTRAINT uploads_token_key UNIQUE (token);

ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY (id);

ALTER TABLE users ADD CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['OWNER'::text, 'ADMIN'::text, 'MEMBER'::text])));

ALTER TABLE users ADD CONSTRAINT users_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams(id);

ALTER TABLE workers ADD CONSTRAINT workers_pkey PRIMARY KEY (id);

CREATE INDEX api_keys_by_team ON public.api_keys USING btree (team_id);

CREATE UNIQUE INDEX attempts_one_per_generation ON public.attempts USING btree (provider, upstream_id) WHERE (upstream_id IS NOT NULL);

CREATE INDEX cost_entries_in_suspense ON public.cost_entries USING btree (provider) WHERE (account = 'suspense'::text);

CREATE INDEX deliveries_by_job ON public.deliveries USING btree (job_id);

CREATE INDEX deliveries_due ON public.deliveries USING btree (due_at, id) WHERE (state = 'pending'::text);

CREATE INDEX deliveries_leased ON public.deliveries USING btree (lease_owner) WHERE (state = 'pending'::text);

CREATE UNIQUE INDEX deliveries_one_ending_per_job ON public.deliveries USING btree (job_id) WHERE (event <> 'progress'::text);

CREATE INDEX idempotency_by_expiry ON public.idempotency USING btree (expires_at);

CREATE INDEX jobs_by_team ON public.jobs USING btree (team_id, mode, created_at DESC, id DESC);

CREATE INDEX jobs_by_user ON public.jobs USING btree (team_id, user_id, mode, created_at DESC, id DESC);

CREATE INDEX jobs_ended_of_team ON public.jobs USING btree (team_id, mode, status, created_at DESC, id DESC) WHERE (completed_at IS NOT NULL);

CREATE INDEX jobs_ended_of_team_model ON public.jobs USING btree (team_id, mode, model, status, created_at DESC, id DESC) WHERE (completed_at IS NOT NULL);

CREATE INDEX jobs_ended_of_user ON public.jobs USING btree (team_id, mode, user_id, status, created_at DESC, id DESC) WHERE (completed_at IS NOT NULL);

CREATE INDEX jobs_ended_of_user_model ON public.jobs USING btree (team_id, mode, user_id, model, status, created_at DESC, id DESC) WHERE (completed_at IS NOT NULL);

CREATE INDEX jobs_leased ON public.jobs USING btree (lease_owner) WHERE (status = 'PROCESSING'::text);

CREATE INDEX jobs_measured ON public.jobs USING btree (model, operation, completed_at DESC, started_at) WHERE ((status = 'COMPLETED'::text) AND (mode = 'live'::text) AND (provider <> 'sandbox'::text));

CREATE INDEX jobs_open_deadline ON public.jobs USING btree (deadline_at) WHERE (completed_at IS NULL);

CREATE INDEX jobs_running ON public.jobs USING btree (team_id, key_id, provider, provider_key) WHERE (status = 'PROCESSING'::text);

CREATE INDEX jobs_waiting ON public.jobs USING btree (queue_rank, id) WHERE (status = 'QUEUED'::text);

CREATE INDEX jobs_waiting_of_team ON public.jobs USING btree (team_id, queue_rank DESC, mode, user_id, model, created_at, id, status) WHERE (lower(status) = 'queued'::text);

CREATE INDEX loras_of_team ON public.loras USING btree (team_id, mode, id);

CREATE INDEX operator_alerts_due ON public.operator_alerts USING btree (due_at) WHERE (state = 'pending'::text);

CREATE INDEX outputs_by_retention ON public.outputs USING btree (retain_until) WHERE (deleted_at IS NULL);

CREATE INDEX provider_keys_by_provider ON public.provider_keys USING btree (provider, team_id) WHERE (removed_at IS NULL);

CREATE INDEX transfers_by_credit ON public.transfers USING btree (credit_account, created_at);

CREATE INDEX transfers_by_debit ON public.transfers USING btree (debit_account, created_at);

CREATE UNIQUE INDEX transfers_once_per_reference ON public.transfers USING btree (external_ref) WHERE (external_ref IS NOT NULL);

CREATE UNIQUE INDEX transfers_one_hold_per_job ON public.transfers USING btree (job_id) WHERE (kind = 'hold'::text);

CREATE UNIQUE INDEX transfers_one_settle_per_hold ON public.transfers USING btree (hold_id) WHERE (kind = ANY (ARRAY['capture'::text, 'release'::text]));

CREATE INDEX uploads_by_expiry ON public.uploads USING btree (expires_at) WHERE (deleted_at IS NULL);

CREATE OR REPLACE FUNCTION public.lumegate_now()
 RETURNS bigint
 LANGUAGE sql
AS $function$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $function$
;

CREATE OR REPLACE FUNCTION public.lumegate_refuse()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $function$
;

CREATE TRIGGER cost_entries_never_go BEFORE DELETE ON public.cost_entries FOR EACH ROW EXECUTE FUNCTION lumegate_refuse('cost entries are only ever added');

CREATE TRIGGER jobs_final_states_stay BEFORE UPDATE OF status ON public.jobs FOR EACH ROW WHEN (((old.status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])) AND (new.status <> old.status))) EXECUTE FUNCTION lumegate_refuse('a final state never changes');

CREATE TRIGGER transfers_never_change BEFORE DELETE OR UPDATE ON public.transfers FOR EACH ROW EXECUTE FUNCTION lumegate_refuse('transfers are only ever added');
