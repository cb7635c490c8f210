/** Builds the object store that tests talk to, before they begin: it takes two cores for two minutes, once per machine. */
import { installS3Server } from '../test/support/s3-server.ts';

const reason = await installS3Server();
process.stdout.write(`Object store for tests: ${reason ?? 'ready'}\n`);
if (reason !== null && process.env['CI'] === 'true') process.exitCode = 1;
