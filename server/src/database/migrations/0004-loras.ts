/**
 * LoRAs that teams train. What a training does and makes stands with its job; here is what it was asked for. Pictures of a
 * training lie among the uploads as one archive, so these may be of a further kind.
 */
export const loras = {
  name: '0004-loras',
  common: `
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
`,
  sqlite: `
CREATE TABLE uploads_anew (
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
INSERT INTO uploads_anew SELECT * FROM uploads;
DROP TABLE uploads;
ALTER TABLE uploads_anew RENAME TO uploads;
CREATE INDEX uploads_by_expiry ON uploads (expires_at) WHERE deleted_at IS NULL;
`,
  postgres: `
ALTER TABLE uploads DROP CONSTRAINT uploads_kind_check;
ALTER TABLE uploads ADD CONSTRAINT uploads_kind_check CHECK (kind IN ('image', 'video', 'audio', 'archive'));
`,
};
