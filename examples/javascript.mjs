// One picture with JavaScript: submit, wait for the end, fetch the file.
// LUMEGATE_URL and LUMEGATE_API_KEY are read from the environment; needs nothing but Node 20 or later.
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const url = process.env.LUMEGATE_URL ?? 'http://127.0.0.1:3000';
const key = process.env.LUMEGATE_API_KEY;
const FINAL_STATES = ['COMPLETED', 'FAILED', 'CANCELLED'];
const TRIES_MAX = 5;

/** Sends a request; at 429 and 503 waits as Retry-After says and sends it again. */
async function ask(path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const headers = { 'X-API-Key': key, 'Content-Type': 'application/json', ...options.headers };
    const response = await fetch(url + path, { ...options, headers });
    if (response.ok) return response.json();
    const isWorthWaiting = response.status === 429 || response.status === 503;
    if (!isWorthWaiting || attempt === TRIES_MAX) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
    await sleep(Number(response.headers.get('Retry-After') ?? 1) * 1000);
  }
}

const { jobId } = await ask('/v2/images/generate', {
  method: 'POST',
  // With it the request may be sent again: the same key never makes a second job.
  headers: { 'Idempotency-Key': randomUUID() },
  body: JSON.stringify({
    model: 'flux-1.1-pro',
    prompt: 'a sleek silver sports car on a coastal highway at sunset, hyper-realistic',
    fluxParams: { aspect_ratio: '16:9' },
  }),
});
console.error(`Job ${jobId}`);

let job;
do {
  // Each request waits up to 30 s for the end, so that nobody asks again and again.
  job = await ask(`/v2/jobs/${jobId}?wait=30`);
  console.error(job.status);
} while (!FINAL_STATES.includes(job.status));

console.log(JSON.stringify(job));
if (job.status === 'COMPLETED') {
  const [image] = job.result.images;
  const file = new URL(image).pathname.split('/').at(-1);
  await writeFile(file, Buffer.from(await (await fetch(image)).arrayBuffer()));
  console.error(`Saved ${file}`);
} else {
  process.exitCode = 1;
}
