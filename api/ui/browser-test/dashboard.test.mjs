// @ts-check
// The dashboard of a running Millrace, seen by a real browser.
//
//   BASE_URL=http://127.0.0.1:8080 npm run test:browser
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch, watchedPage } from './browser.mjs';

const base = process.env.BASE_URL ?? 'http://127.0.0.1:8080';
const folder = process.env.SCREENSHOT_DIR ?? fileURLToPath(new URL('screenshots', import.meta.url));
const wide = { width: 1280, height: 900 };
const narrow = { width: 360, height: 780 };

/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

/** @typedef {import('playwright-core').Page} Page */

/** Opens the dashboard and waits for its first figures. @param {Page} page */
async function open(page) {
  const answer = await page.goto(base);
  assert.equal(answer?.status(), 200, `GET ${base}`);
  await page.locator('[data-testid=events-total][data-value]').waitFor({ timeout: 15_000 });
  return answer;
}

/** @param {Page} page */
async function total(page) {
  return Number(await page.locator('[data-testid=events-total]').getAttribute('data-value'));
}

/** @param {object} event */
async function post(event) {
  const answer = await fetch(new URL('/v1/events', base), {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event),
  });
  assert.equal(answer.status, 202, await answer.text());
}

/** @param {Page} page */
async function sidewaysScroll(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test('the page runs under a strict policy', async () => {
  const { page, watch, close } = await watchedPage(browser, base);
  const answer = await open(page);
  const policy = answer?.headers()['content-security-policy'] ?? '';
  assert.match(policy, /default-src '(self|none)'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.deepEqual(watch, { complaints: [], strangers: [] });
  await close();
});

test('a posted event changes the number, without a reload', async (t) => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  await open(page);
  const first = await total(page);
  const sent = Date.now();
  await post({ type: 'purchase', user_id: 'browser-test', properties: { amount: '12.50', currency: 'EUR' } });
  await page.waitForFunction(
    (before) => Number(document.querySelector('[data-testid=events-total]')?.getAttribute('data-value')) > before,
    first, { timeout: 20_000 },
  );
  t.diagnostic(`events stored: ${first} -> ${await total(page)}, ${Date.now() - sent} ms after the post`);
  await page.locator('[data-testid=state]', { hasText: 'Live' }).waitFor();
  assert.match(await page.locator('.complete').innerText(), /^stored until .*\d\d:\d\d:\d\d, lag [\d,]+ records?$/);
  assert.deepEqual(watch, { complaints: [], strangers: [] });
  await close();
});

test('changing numbers do not move the page', async (t) => {
  const { page, close } = await watchedPage(browser, base, { viewport: wide });
  await open(page);
  const shift = await page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      // @ts-ignore: layout-shift entries have a value
      for (const entry of list.getEntries()) sum += entry.value;
    }).observe({ type: 'layout-shift' });
    setTimeout(() => resolve(sum), 5000);
  }));
  t.diagnostic(`layout shift over 5 s: ${shift}`);
  assert.ok(Number(shift) < 0.01, `layout shift ${shift}`);
  await close();
});

test('a lost connection is said, and found again', async () => {
  const { page, close } = await watchedPage(browser, base);
  let tries = 0;
  await page.route('**/v1/live', (route) => (tries++ === 0
    ? route.abort()
    : route.fulfill({ status: 503, headers: { 'retry-after': '60' }, contentType: 'application/problem+json', body: '{"detail":"Not now."}' })));
  await page.goto(base);
  await page.locator('[data-testid=state]', { hasText: 'Reconnecting' }).waitFor();
  // From here on only the button asks again before the test has given up.
  await page.locator('.state .note', { hasText: /next try in [56]\d s/ }).waitFor();
  await page.unroute('**/v1/live');
  await page.getByRole('button', { name: 'Try now' }).click();
  await page.locator('[data-testid=state]', { hasText: /Live|Stalled/ }).waitFor();
  await close();
});

test('everything is reached with the keyboard', async () => {
  const { page, close } = await watchedPage(browser, base, { viewport: wide });
  await open(page);
  const stop = () => page.evaluate(() => {
    const at = document.activeElement;
    return at?.getAttribute('role') ?? at?.getAttribute('name') ?? at?.getAttribute('href') ?? at?.textContent?.trim() ?? '';
  });
  const missing = new Set(['#figures', 'slider', 'event', 'measure', 'interval', 'days', 'Ask', 'docs', 'openapi.json', 'metrics']);
  const reached = [];
  while (missing.size > 0 && reached.length < 60) { // the page has some 25 stops, more while it has no events
    await page.keyboard.press('Tab');
    reached.push(await stop());
    missing.delete(reached.at(-1) ?? '');
  }
  assert.deepEqual([...missing], [], `Tab reached only ${reached.join(', ')}`);

  const chart = page.getByRole('slider').first();
  await chart.focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
  // Every second moves the bars by one place, and the one being read with them: away from the end, never back to it.
  const read = await page.waitForFunction((at) => {
    if (Number(at?.getAttribute('aria-valuenow')) > Number(at?.getAttribute('aria-valuemax')) - 4) return null;
    return { spoken: at?.getAttribute('aria-valuetext'), shown: at?.closest('figure')?.querySelector('.readout span')?.textContent };
  }, await chart.elementHandle());
  const { spoken, shown } = await read.jsonValue() ?? {};
  assert.ok(shown && spoken?.startsWith(`${shown}: `), `spoken is "${spoken}", shown is "${shown}"`);
  await close();
});

test('a question is answered with its cost', async () => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  await open(page);
  await page.getByRole('button', { name: 'Ask', exact: true }).click();
  await page.getByTestId('answer-total').waitFor();
  assert.match(await page.getByTestId('answer-meta').innerText(), /answered in .+, read .+ rows?/);
  await page.screenshot({ path: join(folder, 'ask.png'), fullPage: true });
  assert.deepEqual(watch, { complaints: [], strangers: [] });
  await close();
});

for (const [size, viewport] of Object.entries({ wide, narrow })) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    test(`screenshot ${colorScheme} ${size}`, async () => {
      const { page, watch, close } = await watchedPage(browser, base, { viewport, colorScheme });
      await open(page);
      await page.locator('[data-testid=state]', { hasText: /Live|Stalled/ }).waitFor();
      await page.screenshot({ path: join(folder, `${colorScheme}-${size}.png`), fullPage: true });
      assert.equal(await sidewaysScroll(page), 0, 'the page scrolls sideways');
      assert.deepEqual(watch, { complaints: [], strangers: [] });
      await close();
    });
  }
}

test('the theme button overrides the system and is remembered', async () => {
  const { page, close } = await watchedPage(browser, base, { colorScheme: 'light' });
  await open(page);
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  const button = page.getByRole('button', { name: /^Theme:/ });
  await button.click(); // light
  await button.click(); // dark
  assert.notEqual(await ground(), light);
  await page.reload();
  await button.waitFor();
  assert.equal(await button.getAttribute('aria-label'), 'Theme: Dark');
  assert.notEqual(await ground(), light);
  await close();
});
