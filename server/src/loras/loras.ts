import type { Database, Row, SqlValue, Tx } from '../database/database.ts';

/** What a LoRA is to learn. */
export const SUBJECT_KINDS = ['person', 'style', 'object'] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** How far a LoRA is; all but the last follow from its training's job. */
export const LORA_STATES = ['PENDING', 'UPLOADING', 'TRAINING', 'READY', 'FAILED', 'ARCHIVED'] as const;
export type LoraStatus = (typeof LORA_STATES)[number];

/** What a training was asked for. */
export interface NewLora {
  id: string;
  name: string;
  subjectKind: SubjectKind;
  gender: string | null;
  ethnicity: string | null;
  age: string | null;
  imageCount: number;
  steps: number;
  loraRank: number;
  /** The word that calls the learned thing up in a prompt. */
  triggerWord: string;
}

/** Whose LoRAs: those of test keys and of live keys know nothing of each other. */
export interface LoraOwner {
  teamId: string;
  mode: 'live' | 'test';
}

/** A LoRA as its team sees it. Instants are UTC milliseconds. */
export interface Lora extends NewLora {
  teamId: string;
  userId: string;
  jobId: string;
  status: LoraStatus;
  error: string | null;
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  /** Where its weights lie among the results; null before they are there, and once they are gone. */
  weights: { token: string; fileName: string } | null;
  /** Who trained it; null before anybody has begun. */
  provider: string | null;
}

const INSERT = `
INSERT INTO loras (id, team_id, user_id, mode, job_id, name, subject_kind, gender, ethnicity, age, image_count, steps,
  lora_rank, trigger_word, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`;

/** Adds a LoRA, in the transaction that makes its training's job. */
export async function insertLora(
  tx: Tx,
  lora: NewLora,
  { teamId, userId, mode, jobId, now }: LoraOwner & { userId: string; jobId: string; now: number },
): Promise<void> {
  const { id, name, subjectKind, gender, ethnicity, age, imageCount, steps, loraRank, triggerWord } = lora;
  const about: SqlValue[] = [name, subjectKind, gender, ethnicity, age, imageCount, steps, loraRank, triggerWord];
  await tx.query(INSERT, [id, teamId, userId, mode, jobId, ...about, now]);
}

const COUNT_OPEN = `
SELECT COUNT(*) AS count FROM loras JOIN jobs ON jobs.id = loras.job_id
WHERE loras.team_id = $1 AND loras.mode = $2 AND jobs.completed_at IS NULL`;

/** Trainings of the team that have not ended. */
export async function countTrainings(tx: Tx, { teamId, mode }: LoraOwner): Promise<number> {
  const rows = await tx.query<Row & { count: number }>(COUNT_OPEN, [teamId, mode]);
  return rows[0]?.count ?? 0;
}

interface LoraRow extends Row {
  id: string;
  team_id: string;
  user_id: string;
  job_id: string;
  name: string;
  subject_kind: SubjectKind;
  gender: string | null;
  ethnicity: string | null;
  age: string | null;
  image_count: number;
  steps: number;
  lora_rank: number;
  trigger_word: string;
  created_at: number;
  archived_at: number | null;
  status: 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
  error: string | null;
  started_at: number | null;
  completed_at: number | null;
  accepted_at: number | null;
  token: string | null;
  file_name: string | null;
  provider: string | null;
}

const SELECT = `
SELECT loras.id, loras.team_id, loras.user_id, loras.job_id, loras.name, loras.subject_kind, loras.gender,
  loras.ethnicity, loras.age, loras.image_count, loras.steps, loras.lora_rank, loras.trigger_word, loras.created_at,
  loras.archived_at, jobs.status, jobs.error, jobs.started_at, jobs.completed_at, jobs.provider, outputs.token, outputs.file_name,
  (SELECT MAX(attempts.accepted_at) FROM attempts WHERE attempts.job_id = loras.job_id) AS accepted_at
FROM loras JOIN jobs ON jobs.id = loras.job_id
LEFT JOIN outputs ON outputs.job_id = loras.job_id AND outputs.position = 1 AND outputs.deleted_at IS NULL
WHERE loras.team_id = $1 AND loras.mode = $2`;
const FIND = `${SELECT} AND loras.id = $3`;
const LIST = `${SELECT} AND loras.id < $3 AND (loras.archived_at IS NULL OR $4 = 1) ORDER BY loras.id DESC LIMIT $5`;

/** The team's own LoRA, archived ones too; null for a foreign one, as for one that is missing. */
export async function findLora(database: Database, { teamId, mode }: LoraOwner, id: string): Promise<Lora | null> {
  const row = (await database.query<LoraRow>(FIND, [teamId, mode, id]))[0];
  return row === undefined ? null : loraFrom(row);
}

const FIND_OF_JOB = `${SELECT} AND loras.job_id = $3`;

/** The LoRA that a job of the team trains. */
export async function findLoraOfJob(
  database: Database,
  { teamId, mode }: LoraOwner,
  jobId: string,
): Promise<Lora | null> {
  const row = (await database.query<LoraRow>(FIND_OF_JOB, [teamId, mode, jobId]))[0];
  return row === undefined ? null : loraFrom(row);
}

/** Comes after every id. */
const AFTER_ALL = 'g';

/** One page, newest first; ids grow with time, and the last of a page is where the next one begins. */
export async function listLoras(
  database: Database,
  { teamId, mode }: LoraOwner,
  page: { cursor: string | null; limit: number; includeArchived: boolean },
): Promise<{ items: Lora[]; nextCursor: string | null }> {
  // One more than asked tells whether there is another page.
  const values = [teamId, mode, page.cursor ?? AFTER_ALL, page.includeArchived ? 1 : 0, page.limit + 1];
  const rows = await database.query<LoraRow>(LIST, values);
  const items = rows.slice(0, page.limit).map(loraFrom);
  return { items, nextCursor: rows.length > page.limit ? (items.at(-1)?.id ?? null) : null };
}

const ARCHIVE = `UPDATE loras SET archived_at = $2 WHERE id = $1 AND archived_at IS NULL`;

/** Marks it as archived; harmless for one that is. */
export async function archiveLora(tx: Tx, id: string, now: number): Promise<void> {
  await tx.query(ARCHIVE, [id, now]);
}

function loraFrom(row: LoraRow): Lora {
  return {
    id: row.id,
    teamId: row.team_id,
    userId: row.user_id,
    jobId: row.job_id,
    name: row.name,
    subjectKind: row.subject_kind,
    gender: row.gender,
    ethnicity: row.ethnicity,
    age: row.age,
    imageCount: row.image_count,
    steps: row.steps,
    loraRank: row.lora_rank,
    triggerWord: row.trigger_word,
    status: statusOf(row),
    error: row.status === 'CANCELLED' ? 'The training was cancelled' : row.error,
    createdAt: row.created_at,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    weights: row.token === null || row.file_name === null ? null : { token: row.token, fileName: row.file_name },
    provider: row.provider,
  };
}

function statusOf({ archived_at: archivedAt, accepted_at: acceptedAt, status }: LoraRow): LoraStatus {
  if (archivedAt !== null) return 'ARCHIVED';
  switch (status) {
    case 'QUEUED':
      return 'PENDING';
    case 'PROCESSING':
      return acceptedAt === null ? 'UPLOADING' : 'TRAINING';
    case 'COMPLETED':
      return 'READY';
    case 'FAILED':
    case 'CANCELLED':
      return 'FAILED';
  }
}
