import http from 'node:http';

/** One request as it goes on the wire; the parts that `fetch` would correct or refuse go as they are. */
export interface FuzzRequest {
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  body: Buffer | string | null;
}

/** What came back. */
export interface FuzzAnswer {
  status: number;
  headers: Headers;
  bytes: Buffer;
  text: string;
}

/** No answer of ours takes longer: the only waits are those that a request asks for, of at most 2 s here. */
const ANSWER_MS_MAX = 20_000;

/** Sends requests to one server over connections that are kept. */
export interface Sender {
  send(request: FuzzRequest): Promise<FuzzAnswer>;
  close(): void;
}

/** Opens a sender; a request that gets no answer rejects. */
export function openSender(origin: string): Sender {
  const agent = new http.Agent({ keepAlive: true });
  return { send: (request) => exchange(agent, origin, request), close: () => agent.destroy() };
}

function exchange(agent: http.Agent, origin: string, request: FuzzRequest): Promise<FuzzAnswer> {
  const { hostname, port } = new URL(origin);
  const { method, target, headers, body } = request;
  const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      { agent, hostname, port, method, path: target, headers: { ...length, ...headers }, timeout: ANSWER_MS_MAX },
      (incoming) => readAnswer(incoming, resolve, reject),
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_MS_MAX} ms`)));
    outgoing.on('error', reject);
    outgoing.end(body ?? undefined);
  });
}

function readAnswer(
  incoming: http.IncomingMessage,
  resolve: (answer: FuzzAnswer) => void,
  reject: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  const finish = (): void => {
    const bytes = Buffer.concat(chunks);
    const headers = new Headers();
    for (const [name, values] of Object.entries(incoming.headersDistinct))
      for (const value of values ?? []) headers.append(name, value);
    resolve({ status: incoming.statusCode ?? 0, headers, bytes, text: bytes.toString() });
  };
  const isStream = incoming.headers['content-type']?.startsWith('text/event-stream') === true;
  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    // The stream of an open job has no end of its own; its first message shows that it runs.
    if (isStream && Buffer.concat(chunks).includes('\ndata: ')) {
      finish();
      incoming.destroy();
    }
  });
  incoming.on('end', finish);
  incoming.on('error', reject);
}
