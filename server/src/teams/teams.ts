import type { NewId } from '../core/ids.ts';
import type { Database, Tx } from '../database/database.ts';

/** What a user may do; ADMIN and OWNER see the whole team's jobs. */
export type Role = 'OWNER' | 'ADMIN' | 'MEMBER';

export interface Team {
  id: string;
  name: string;
  plan: string;
  /** The payer's id at the payment service, or null. */
  customerId: string | null;
  /** Jobs of the team that run at the same time. */
  maxConcurrentJobs: number;
  createdAt: number;
}

export interface User {
  id: string;
  teamId: string;
  /** In lower case; one user for each address. */
  email: string;
  role: Role;
  createdAt: number;
}

/** Teams that one listing shows; an installation with more asks for them by id. */
const TEAMS_MAX = 1_000;
/** Users of one team that a listing shows. */
const USERS_MAX = 1_000;

const INSERT_TEAM = `
INSERT INTO teams (id, name, plan, customer_id, max_concurrent_jobs, created_at) VALUES ($1, $2, $3, $4, $5, $6)`;

const INSERT_USER = `INSERT INTO users (id, team_id, email, role, created_at) VALUES ($1, $2, $3, $4, $5)`;

const TEAM_COLUMNS = `id, name, plan, customer_id, max_concurrent_jobs, created_at`;

const FIND_TEAM = `SELECT ${TEAM_COLUMNS} FROM teams WHERE id = $1`;

const LIST_TEAMS = `SELECT ${TEAM_COLUMNS} FROM teams ORDER BY created_at, id LIMIT ${TEAMS_MAX}`;

const LIST_USERS = `
SELECT id, team_id, email, role, created_at FROM users WHERE team_id = $1
ORDER BY created_at, id LIMIT ${USERS_MAX}`;

/** Inserts a team; its accounts are opened by `credits` in the same transaction. */
export async function insertTeam(
  tx: Tx,
  options: { newId: NewId; now: number } & Omit<Team, 'id' | 'createdAt'>,
): Promise<Team> {
  const { newId, now, name, plan, customerId, maxConcurrentJobs } = options;
  const team: Team = { id: newId(), name, plan, customerId, maxConcurrentJobs, createdAt: now };
  await tx.query(INSERT_TEAM, [team.id, name, plan, customerId, maxConcurrentJobs, now]);
  return team;
}

/** Inserts a user; an address that another user has is a unique violation. */
export async function insertUser(
  tx: Tx,
  options: { newId: NewId; now: number; teamId: string; email: string; role: Role },
): Promise<User> {
  const { newId, now, teamId, role } = options;
  const user: User = { id: newId(), teamId, email: options.email.trim().toLowerCase(), role, createdAt: now };
  await tx.query(INSERT_USER, [user.id, teamId, user.email, role, now]);
  return user;
}

/** null for a team that does not exist. */
export async function findTeam(database: Pick<Database, 'query'>, teamId: string): Promise<Team | null> {
  const [row] = await database.query<TeamRow>(FIND_TEAM, [teamId]);
  return row === undefined ? null : teamOf(row);
}

/** The teams in the order of their creation, at most 1,000. */
export async function listTeams(database: Pick<Database, 'query'>): Promise<Team[]> {
  return (await database.query<TeamRow>(LIST_TEAMS)).map(teamOf);
}

/** The users of a team in the order of their creation, at most 1,000; the first is its owner. */
export async function listUsers(database: Pick<Database, 'query'>, teamId: string): Promise<User[]> {
  const rows = await database.query<UserRow>(LIST_USERS, [teamId]);
  return rows.map((row) => ({
    id: row.id,
    teamId: row.team_id,
    email: row.email,
    role: row.role,
    createdAt: row.created_at,
  }));
}

type TeamRow = {
  id: string;
  name: string;
  plan: string;
  customer_id: string | null;
  max_concurrent_jobs: number;
  created_at: number;
};

/** The table's CHECK allows these roles only. */
type UserRow = { id: string; team_id: string; email: string; role: Role; created_at: number };

function teamOf(row: TeamRow): Team {
  return {
    id: row.id,
    name: row.name,
    plan: row.plan,
    customerId: row.customer_id,
    maxConcurrentJobs: row.max_concurrent_jobs,
    createdAt: row.created_at,
  };
}
