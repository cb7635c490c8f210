import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { z } from 'zod';

/** A webhook receiver on loopback that counts what it was told. */
export interface ProofReceiver {
  url: string;
  /** How often each job’s end was told, by the id of its event. */
  endings: ReadonlyMap<string, ReadonlySet<string>>;
  close(): Promise<void>;
}

const event = z.object({ jobId: z.string() });
const BODY_BYTES_MAX = 64 * 1024;

/** Every seventh message is refused once, so that retries are part of the proof. */
const REFUSED_NTH = 7;

export async function startProofReceiver(): Promise<ProofReceiver> {
  const endings = new Map<string, Set<string>>();
  let count = 0;
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      count += 1;
      if (count % REFUSED_NTH === 0) return response.writeHead(500).end();
      const jobId = jobIdOf(body);
      const eventId = request.headers['webhook-id'];
      if (jobId !== null && typeof eventId === 'string') {
        endings.set(jobId, (endings.get(jobId) ?? new Set()).add(eventId));
      }
      return response.writeHead(200).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Safe: a server that listens on a host and port has this kind of address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/ended`,
    endings,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  try {
    for await (const chunk of request) body = (body + String(chunk)).slice(0, BODY_BYTES_MAX);
  } catch {
    // The gateway was killed in the middle of its message; it will send it again.
  }
  return body;
}

function jobIdOf(body: string): string | null {
  try {
    const read = event.safeParse(JSON.parse(body));
    return read.success ? read.data.jobId : null;
  } catch {
    // A message that was cut off tells nothing.
    return null;
  }
}
