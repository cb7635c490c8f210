/**
 * Keys of providers, what purchases cost, and what the operator must hear. A secret is sealed with a key of its own,
 * which is sealed with the master key (`teams/provider-vault.ts`).
 */
export const providers = {
  name: '0002-providers',
  common: `
ALTER TABLE api_keys ADD COLUMN is_admin BIGINT NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1));

ALTER TABLE jobs ADD COLUMN providers TEXT;
ALTER TABLE jobs ADD COLUMN provider_key TEXT;
ALTER TABLE jobs ADD COLUMN own_keys BIGINT NOT NULL DEFAULT 0 CHECK (own_keys IN (0, 1));
DROP INDEX jobs_running;
CREATE INDEX jobs_running ON jobs (team_id, key_id, provider, provider_key) WHERE status = 'PROCESSING';

-- A statement about waiting jobs may use one partial index only, or PostgreSQL, to which all are empty when it last
-- counted in a quiet hour, takes any of them and reads the whole queue.
DROP INDEX jobs_open_deadline;
CREATE INDEX jobs_open_deadline ON jobs (deadline_at) WHERE completed_at IS NULL;
DROP INDEX jobs_waiting_of_team;
CREATE INDEX jobs_waiting_of_team ON jobs (team_id, queue_rank DESC, mode, user_id, model, created_at, id, status)
  WHERE LOWER(status) = 'queued';

ALTER TABLE attempts ADD COLUMN provider_key TEXT;
ALTER TABLE attempts ADD COLUMN upstream_id TEXT;
ALTER TABLE attempts ADD COLUMN expected_cost_micro_usd BIGINT;
ALTER TABLE attempts ADD COLUMN ready_json TEXT;
CREATE UNIQUE INDEX attempts_one_per_generation ON attempts (provider, upstream_id) WHERE upstream_id IS NOT NULL;

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

CREATE TABLE cost_entries (
  attempt_id TEXT PRIMARY KEY REFERENCES attempts (id),
  provider TEXT NOT NULL,
  account TEXT NOT NULL CHECK (account IN ('cost', 'suspense')),
  amount_micro_usd BIGINT NOT NULL CHECK (amount_micro_usd >= 0),
  created_at BIGINT NOT NULL
);
CREATE INDEX cost_entries_in_suspense ON cost_entries (provider) WHERE account = 'suspense';

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
`,
  sqlite: `
CREATE TRIGGER cost_entries_never_go BEFORE DELETE ON cost_entries
BEGIN SELECT RAISE(ABORT, 'cost entries are only ever added'); END;
`,
  postgres: `
CREATE TRIGGER cost_entries_never_go BEFORE DELETE ON cost_entries
  FOR EACH ROW EXECUTE FUNCTION lumegate_refuse('cost entries are only ever added');
`,
};
