import { manageCatalog } from './catalog.ts';
import { doctor } from './doctor.ts';
import { playDoubles } from './doubles.ts';
import { firstImage } from './first-image.ts';
import { grantCredits } from './grant.ts';
import { manageKeys } from './key.ts';
import { manageLocal } from './local.ts';
import { migrateStore } from './migrate.ts';
import { manageProviders } from './provider.ts';
import { serveSandbox } from './sandbox.ts';
import { serve, type CommandWorld } from './serve.ts';
import { manageTeams } from './team.ts';
import { manageWebhooks } from './webhook.ts';

/** One command of `lumegate`. */
interface Command {
  name: string;
  usage: string;
  meaning: string;
  /** Says nothing but what people want to read, unless the operator sets a log level. */
  isQuiet: boolean;
  /** Resolves with the exit code; nothing means 0. */
  run(world: CommandWorld, words: string[]): Promise<number | void>;
}

const COMMANDS: readonly Command[] = [
  { name: 'serve', usage: 'serve', meaning: 'Run the server.', isQuiet: false, run: serve },
  {
    name: 'first-image',
    usage: 'first-image',
    meaning: 'Make one picture, from an empty folder to a file, and show each step.',
    isQuiet: true,
    run: firstImage,
  },
  {
    name: 'key',
    usage: 'key create|list|rotate|revoke …',
    meaning: 'Manage API keys, beside a running server too.',
    isQuiet: true,
    run: manageKeys,
  },
  {
    name: 'provider',
    usage: 'provider list|set|remove|test|verify …',
    meaning: 'Manage the keys of providers, and try them and their models.',
    isQuiet: true,
    run: manageProviders,
  },
  {
    name: 'catalog',
    usage: 'catalog check|diff …',
    meaning: 'Check the models, your own among them; hold their routes against what providers publish.',
    isQuiet: true,
    run: manageCatalog,
  },
  {
    name: 'local',
    usage: 'local fetch|add|remove sdxs …',
    meaning: 'Fetch or bring the weights of the tool that paints, after having accepted their licence.',
    isQuiet: true,
    run: manageLocal,
  },
  {
    name: 'team',
    usage: 'team list|create|add …',
    meaning: 'Manage teams and their users.',
    isQuiet: true,
    run: manageTeams,
  },
  {
    name: 'grant',
    usage: 'grant <credits> [--team <id>] [--reason <text>]',
    meaning: 'Give a team credits.',
    isQuiet: true,
    run: grantCredits,
  },
  {
    name: 'webhook',
    usage: 'webhook list|replay …',
    meaning: 'Show deliveries; send one, or all that failed, again.',
    isQuiet: true,
    run: manageWebhooks,
  },
  {
    name: 'doctor',
    usage: 'doctor',
    meaning: 'Recompute every balance and check every job; report drift.',
    isQuiet: true,
    run: doctor,
  },
  {
    name: 'migrate',
    usage: 'migrate',
    meaning: 'Bring the store’s schema up to date.',
    isQuiet: true,
    run: migrateStore,
  },
  {
    name: 'sandbox',
    usage: 'sandbox [--port <n>]',
    meaning: 'Run the sandbox provider by itself, over HTTP.',
    isQuiet: true,
    run: serveSandbox,
  },
  {
    name: 'doubles',
    usage: 'doubles [--only <ids>] [--script <file>] …',
    meaning: 'Play the providers on this machine, and print the settings that lead there.',
    isQuiet: true,
    run: playDoubles,
  },
  { name: 'help', usage: 'help', meaning: 'Show this.', isQuiet: true, run: async ({ output }) => output.say(usage()) },
];

/** The command of that name, or null. */
export function findCommand(name: string): Command | null {
  const wanted = name === '--help' || name === '-h' ? 'help' : name;
  return COMMANDS.find((command) => command.name === wanted) ?? null;
}

/** All commands, a line each. */
export function usage(): string {
  const width = Math.max(...COMMANDS.map((command) => command.usage.length));
  const lines = COMMANDS.map((command) => `  ${command.usage.padEnd(width)}  ${command.meaning}`);
  return ['Usage: lumegate <command>', '', ...lines, '', 'Settings are environment variables: docs/settings.md'].join(
    '\n',
  );
}
