import { createHash } from 'node:crypto';

import type { Answer } from '../gate/answer.ts';
import type { Operate } from '../gate/door.ts';
import type { HttpWorld } from '../world.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #121418; --soft: #45474e; --paper: #fbfaf7; --card: #ffffff; --line: #e1dfdb; --accent: #073cdd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #f6f5f2; --soft: #bdbab5; --paper: #0b0c0f; --card: #121417; --line: #26282c; --accent: #6c9dff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 system-ui, sans-serif; }
main { max-width: 42rem; margin: 0 auto; padding: 12vh 1.5rem 4rem; }
h1 { margin: 0; font-weight: 600; font-size: clamp(2.2rem, 7vw, 3rem); line-height: 1.1; letter-spacing: -0.03em; }
p { margin: 1rem 0; }
.lead { font-size: 1.2rem; color: var(--soft); }
pre { margin: 2rem 0; padding: 1.1rem 1.25rem; overflow-x: auto; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px;
  font: 14px/1.6 ui-monospace, monospace; }
ul { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--line); }
li { display: flex; gap: 1rem; justify-content: space-between; padding: 0.7rem 0; border-bottom: 1px solid var(--line); }
li span { color: var(--soft); text-align: right; }
a { color: var(--accent); text-underline-offset: 0.2em; }
footer { margin-top: 2rem; color: var(--soft); font-size: 0.9rem; }
`;

/** `GET /`: says what runs here and where to go, in one page that loads nothing. */
export function frontPage(world: HttpWorld): Operate {
  const styleHash = createHash('sha256').update(STYLE).digest('base64');
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
  return (): Answer => ({ status: 200, headers, body: renderPage(world) });
}

function renderPage(world: HttpWorld): string {
  const origin = escapeHtml(world.publicUrl());
  const body = JSON.stringify({ model: 'flux-1.1-pro', prompt: 'a lighthouse at dawn' });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lumegate</title>
<meta name="description" content="A gateway that runs image models behind one key and one API.">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Lumegate</h1>
<p class="lead">One key and one API for ${world.catalog.models.size} models. This gateway takes a request, has it run, keeps the result and tells you when it is there.</p>
<pre><code>curl ${origin}/v2/images/generate \\
  -H "X-API-Key: $LUMEGATE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${escapeHtml(body)}'</code></pre>
<p>The answer names a job. <code>GET /v2/jobs/{id}?wait=60</code> tells how it ends.</p>
<ul>
<li><a href="/v2/openapi.json">API description</a><span>OpenAPI 3.1</span></li>
<li><a href="/v2/models">Models</a><span>with parameters and prices</span></li>
<li><a href="/readyz">Readiness</a><span>of this process</span></li>
</ul>
<footer>Lumegate ${escapeHtml(world.version)}</footer>
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
