import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chromium, type Browser, type Page } from 'playwright-core';

import { ask, waitForEnd, type Gateway } from '../e2e/gateway.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { findChromium } from './find-chromium.ts';

const executablePath = findChromium();

describe('a browser', { skip: executablePath === null && 'no Chromium on this machine' }, () => {
  let server: TestServer;
  let gateway: Gateway;
  let browser: Browser;
  let page: Page;
  before(async () => {
    server = await startServer({ env: { LUMEGATE_SANDBOX_MS: '50' } });
    gateway = { url: server.url, key: server.key };
    browser = await chromium.launch({
      executablePath: executablePath ?? '',
      args: ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'],
    });
    page = await browser.newPage({ bypassCSP: true });
    // A page of the gateway itself, so that its files may be read by a script.
    await page.goto(`${server.url}/healthz`);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const run = async (operation: string, body: unknown): Promise<Awaited<ReturnType<typeof waitForEnd>>['result']> => {
    const response = await ask(gateway, `/v2/${operation}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 202, await response.clone().text());
    // Safe: the contract tests hold this answer against the description.
    const { jobId } = (await response.json()) as { jobId: string };
    return (await waitForEnd(gateway, jobId)).result;
  };

  it('plays the video of the sandbox to its end, in the shape and length that were asked for', async () => {
    const body = { model: 'veo-3.1', prompt: 'a fox in the snow', veoParams: { aspect_ratio: '9:16', duration: 4 } };
    const result = await run('videos/generate', body);
    const seen = await inPage<Seen>(page, PLAY_TO_END, result?.videoUrl ?? '');
    assert.equal(seen.error, null);
    assert.ok(Math.abs(seen.seconds - 4) < 0.2, `${seen.seconds} seconds`);
    assert.ok(seen.height > seen.width, `${seen.width}x${seen.height}`);
    assert.ok(seen.frames >= 4 * 12 - 6, `${seen.frames} frames`);
  });

  it('decodes MP3 and WAV of the sandbox to the length that was asked for', async () => {
    for (const format of ['mp3_standard', 'wav_16khz']) {
      const elevenlabsParams = { music_length_ms: 7_000, output_format: format };
      const result = await run('music/generate', {
        model: 'elevenlabs-music',
        prompt: 'a slow waltz',
        elevenlabsParams,
      });
      const seconds = await inPage<number>(page, DECODE, result?.tracks?.[0]?.audioUrl ?? '');
      assert.ok(Math.abs(seconds - 7) < 0.1, `${format}: ${seconds} seconds`);
    }
  });
});

interface Seen {
  error: string | null;
  seconds: number;
  width: number;
  height: number;
  frames: number;
}

/** Runs in the page. */
const PLAY_TO_END = `async (url) => {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, src: url, playbackRate: 4 });
  document.body.append(video);
  const error = await new Promise((resolve) => {
    video.addEventListener('ended', () => resolve(null));
    video.addEventListener('error', () => resolve(video.error?.message ?? 'an error'));
    video.play().catch((problem) => resolve(String(problem)));
  });
  const frames = video.getVideoPlaybackQuality().totalVideoFrames;
  return { error, seconds: video.duration, width: video.videoWidth, height: video.videoHeight, frames };
}`;

/** Runs in the page. */
const DECODE = `async (url) => {
  const bytes = await (await fetch(url)).arrayBuffer();
  return (await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes)).duration;
}`;

async function inPage<T>(page: Page, script: string, url: string): Promise<T> {
  // Safe: the scripts above return what their callers name, or a check of it fails.
  return (await page.evaluate(`(${script})(${JSON.stringify(url)})`)) as T;
}
