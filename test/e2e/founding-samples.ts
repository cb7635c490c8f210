/** Where a sample sends its request, and what it sends along. */
export interface SamplePlace {
  url: string;
  key: string;
  /** The address of the picture that guides the drawing. */
  image: string;
}

const PROMPT = 'a sleek silver sports car on a coastal highway at sunset, hyper-realistic';

// The three samples that callers of the hosted service start from: the same request, the same steps in the same
// order, the same two states waited for. Only the words around them are ours.

/** Submits and prints the answer. */
export function curlSample({ url, key, image }: SamplePlace): string {
  return `curl -X POST ${url}/v2/images/generate \\
  -H "X-API-Key: ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{
    "prompt": "${PROMPT}",
    "model": "flux-1.1-pro",
    "fluxParams": {
      "image_prompt": "${image}",
      "image_prompt_strength": 0.5,
      "output_format": "jpg",
      "output_quality": 90
    }
  }'`;
}

/** Submits, prints the job's id, asks until the job has ended, prints the result. */
export function pythonSample({ url, key, image }: SamplePlace): string {
  return `import time

import requests

response = requests.post(
    "${url}/v2/images/generate",
    headers={
        "X-API-Key": "${key}",
        "Content-Type": "application/json",
    },
    json={
        "prompt": "${PROMPT}",
        "model": "flux-1.1-pro",
        "fluxParams": {
            "image_prompt": "${image}",
            "image_prompt_strength": 0.5,
            "output_format": "jpg",
            "output_quality": 90,
        },
    },
)
job_id = response.json()["jobId"]
print(job_id)

while True:
    job = requests.get(
        f"${url}/v2/jobs/{job_id}",
        headers={"X-API-Key": "${key}"},
    ).json()
    if job["status"] in ("COMPLETED", "FAILED"):
        break
    time.sleep(2)

print(job["result"])
`;
}

/** The same in JavaScript. */
export function javascriptSample({ url, key, image }: SamplePlace): string {
  return `const response = await fetch("${url}/v2/images/generate", {
  method: "POST",
  headers: {
    "X-API-Key": "${key}",
    "Content-Type": "application/json",
  },
  body: JSON.stringify({
    prompt: "${PROMPT}",
    model: "flux-1.1-pro",
    fluxParams: {
      image_prompt: "${image}",
      image_prompt_strength: 0.5,
      output_format: "jpg",
      output_quality: 90,
    },
  }),
});
const { jobId } = await response.json();
console.log(jobId);

let job;
do {
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const answer = await fetch(\`${url}/v2/jobs/\${jobId}\`, {
    headers: { "X-API-Key": "${key}" },
  });
  job = await answer.json();
} while (job.status !== "COMPLETED" && job.status !== "FAILED");

console.log(job.result);
`;
}
