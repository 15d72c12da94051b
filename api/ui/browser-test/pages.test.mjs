// @ts-check
// The pages with real data: a running Millrace with half a year of events, and
// both models trained on them (cmd/millrace/browser_test.go sees to that).
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, watchedPage } from './browser.mjs';
import { ask, base, faint, narrow, sidewaysScroll, until, visit, wide } from './seen.mjs';

/** Pictures of every page are taken where somebody wants to look at them. */
const folder = process.env.SCREENSHOT_DIR;
/** A slash has to find its way through addresses. Another one with each run, so that a run finds only its own. */
const shopper = `shop/${Date.now().toString(36)}`;
const quiet = { complaints: [], strangers: [] };

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  browser = await launch();
  await shop();
});
after(() => browser?.close());

/** Somebody who buys as usual, and then, within a second, not at all so. */
async function shop() {
  const now = Date.now();
  /** @param {number} ago @param {string} amount @param {object} context */
  const purchase = (ago, amount, context) => ({
    type: 'purchase', user_id: shopper, timestamp: new Date(now - ago).toISOString(), properties: { amount, currency: 'INR' }, context,
  });
  const usual = { country: 'IN', platform: 'ios', device: 'iPhone' };
  const days = Array.from({ length: 12 }, (_, i) => purchase((13 - i) * 86_400_000, `${1000 + 10 * i}.00`, usual));
  await ask('v1/events', [...days, purchase(60_000, '1100.00', usual), purchase(59_300, '500000.00', { country: 'BR', platform: 'android', device: 'Pixel' })]);
  await until(`v1/fraud?user=${shopper}&decision=block`, (page) => page.purchases.length === 1);
  await until(`v1/users/${encodeURIComponent(shopper)}`, (user) => user.orders === 14);
}

/** @param {import('playwright-core').Page} page @param {string} id */
const value = async (page, id) => Number(await page.getByTestId(id).getAttribute('data-value'));
/** @param {number} n */
const count = (n) => new Intl.NumberFormat('en-GB').format(n);

test('a user at risk is found, with statistics, reasons and the last events', async () => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  await visit(page, '#/users');
  const { users } = await ask('v1/churn?limit=1');
  const id = users[0].user_id;
  await page.getByRole('link', { name: id, exact: true }).click();
  await page.getByTestId('churn-probability').waitFor();
  assert.equal(new URL(page.url()).hash, `#/users/${id}`);

  const [user, prediction, timeline] = await Promise.all([ask(`v1/users/${id}`), ask('v1/predict/churn', { user_id: id }), ask(`v1/users/${id}/events?limit=1`)]);
  assert.equal(await page.getByTestId('user-events').innerText(), count(user.events));
  assert.equal(await page.getByTestId('user-sessions').innerText(), count(user.sessions));
  assert.equal(await value(page, 'churn-probability'), prediction.churn_probability);
  assert.equal(await page.locator('.left .effects li').count(), prediction.reasons.length);
  assert.equal(await page.getByTestId('timeline').locator('time').first().getAttribute('datetime'), timeline.events[0].timestamp);
  const before = await page.getByTestId('timeline').locator('li').count();
  await page.getByRole('button', { name: 'Older events' }).click();
  await page.waitForFunction((n) => document.querySelectorAll('[data-testid=timeline] li').length > n, before);
  assert.deepEqual(watch, quiet);
  await close();
});

test('a customer has the figures of both models, the fraud profile and decisions', async () => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  await visit(page, '#/users');
  await page.getByLabel('User id').fill(shopper);
  await page.keyboard.press('Enter');
  await page.getByTestId('profile-purchases').waitFor();
  const profile = await ask(`v1/users/${encodeURIComponent(shopper)}/fraud-profile`);
  assert.equal(await page.getByTestId('profile-purchases').innerText(), count(profile.purchases_known));
  const first = page.getByTestId('purchases').locator('li').first();
  await first.waitFor();
  const [bad] = (await ask(`v1/fraud?user=${shopper}&decision=block`)).purchases;
  assert.match(await first.innerText(), /^block/);
  assert.ok((await first.innerText()).includes(bad.reasons[0].detail));
  assert.match(await page.locator('.which').innerText(), /Trust by activity .* by purchases/);

  const buyer = '0001'; // of cdnow: four purchases
  const { lifetime } = await ask(`v1/users/${buyer}`);
  await visit(page, `#/users/${buyer}`);
  await page.getByTestId('p-alive').waitFor();
  assert.equal(await value(page, 'p-alive'), lifetime.p_alive);
  assert.equal(await page.getByTestId('churn-probability').count(), 1);
  assert.deepEqual(watch, quiet);
  await close();
});

test('models show their metrics beside baselines, drift, and go back to an old version', async () => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  await visit(page, '#/models/churn');
  await page.getByTestId('own-metrics').waitFor();
  const model = await ask('v1/models/churn/versions/1');
  const shown = await page.getByTestId('own-metrics').innerText();
  for (const name of ['auc', 'pr_auc', 'log_loss', 'brier']) {
    assert.ok(shown.includes(model.metrics.metrics[name].toFixed(3)), `${name} is not among ${shown}`);
  }
  assert.equal(await page.locator('.calibration circle').count(), model.metrics.calibration.length);
  assert.equal(await page.locator('.lift li').count(), 10);
  assert.equal(await value(page, 'drift-score'), model.drift.score);

  await visit(page, '#/models/bgnbd/1');
  const { metrics } = await ask('v1/models/bgnbd/versions/1');
  assert.equal(await page.getByTestId('lifetime-customers').innerText(), count(metrics.customers));
  const current = async () => (await ask('v1/models')).models.find((/** @type {any} */ m) => m.name === 'bgnbd').current;
  const restore = page.getByRole('button', { name: 'Use version 1 of bgnbd' });
  assert.equal(await restore.innerText(), 'Restore');
  await restore.click();
  await page.getByText('Version 1 is in use now.').waitFor();
  assert.equal(await current(), 1);
  await page.getByRole('button', { name: 'Use version 2 of bgnbd' }).click();
  await page.getByText('Version 2 is in use now.').waitFor();
  assert.equal(await current(), 2);
  assert.deepEqual(watch, quiet);
  await close();
});

test('incidents show when, how far and whose, with the figure by day', async () => {
  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  /** @param {{ anomalies: any[] }} page */
  const bugOf = ({ anomalies }) => anomalies.find((a) => a.measure === 'share of users with checkout_bug');
  const bug = bugOf(await until('v1/anomalies', (found) => bugOf(found) !== undefined));
  await visit(page, '#/incidents');
  const article = page.locator(`article[aria-labelledby="${bug.id}"]`);
  await article.getByRole('slider').waitFor();
  assert.match(await article.innerText(), /platform = mobile/);
  assert.match(await article.innerText(), new RegExp(`${(100 * bug.seen).toFixed(1)}%`));
  assert.equal(await article.locator('time').first().getAttribute('datetime'), bug.start);
  const chart = article.getByRole('slider');
  await chart.focus();
  await page.keyboard.press('Home');
  const { series } = await ask(`v1/anomalies/${bug.id}`);
  assert.equal(Number(await chart.getAttribute('aria-valuemax')), series.length - 1);
  assert.match(await chart.getAttribute('aria-valuetext') ?? '', /^\d+ \w+.*: (nothing|[\d.]+%)$/);
  assert.match(await page.getByTestId('watching').innerText(), /figures since .*platform/);
  await page.getByLabel('Severity').selectOption('low');
  await page.waitForFunction(() => [...document.querySelectorAll('.incident .chip')].every((chip) => chip.textContent === 'low'));
  assert.deepEqual(watch, quiet);
  await close();
});

test('a rule is made, tested, silenced, changed and removed with the keyboard', async (t) => {
  const requests = /** @type {string[]} */ ([]);
  const receiver = createServer((request, response) => {
    requests.push(String(request.headers['idempotency-key']));
    response.end();
  }).listen(0, '127.0.0.1');
  t.after(() => receiver.close());
  await new Promise((resolve) => receiver.once('listening', resolve));
  const address = receiver.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;

  const { page, watch, close } = await watchedPage(browser, base, { viewport: wide });
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('name') ?? document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
  /** Presses Tab until the control of that name, or label, has the focus. @param {string} wanted */
  const tab = async (wanted) => {
    for (let i = 0; i < 60; i++) {
      await keyboard.press('Tab');
      if (await focused() === wanted) return;
    }
    throw new Error(`Tab never reached ${wanted}; it is at ${await focused()}`);
  };
  await visit(page, '#/alerts');
  await tab('New rule');
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Make the rule' }).waitFor();

  await tab('/watch/query');
  await keyboard.type('trends purchase last 1h');
  await tab('Make the rule');
  await keyboard.press('Enter');
  await page.locator('[name="/name"][aria-invalid]').waitFor();
  assert.equal(await focused(), '/name', 'the field at fault has the focus');
  assert.match(await page.locator('#field-name-fault').innerText(), /A rule needs a name/);
  assert.ok((await page.locator('[name="/name"]').getAttribute('aria-describedby') ?? '').includes('field-name-fault'));

  await keyboard.type('By keyboard');
  await tab('/watch/threshold');
  await keyboard.type('5');
  await tab('Add a channel');
  await keyboard.press('Enter');
  await page.locator('[name="/channels/0/kind"]:focus').waitFor();
  await tab('/channels/0/url');
  await keyboard.type(url);
  await tab('/channels/0/secret');
  await keyboard.type('too short');
  await keyboard.press('Enter'); // sends the form from any of its lines
  await page.locator('[name="/channels/0/secret"][aria-invalid]').waitFor();
  await keyboard.type(', but not now');
  await keyboard.press('Enter');
  const rule = page.getByTestId('rules').locator(':scope > li', { hasText: 'By keyboard' });
  await rule.waitFor();
  const kept = async () => (await ask('v1/alert-rules')).rules.find((/** @type {any} */ r) => r.name.startsWith('By keyboard'));
  const { id, watch: watched, channels } = await kept();
  assert.deepEqual(watched, { kind: 'query', query: { kind: 'text', q: 'trends purchase last 1h' }, of: 'value', is: '<', threshold: 5 });
  assert.deepEqual(channels, [{ name: 'webhook', kind: 'webhook', url, secret_set: true }]);

  await rule.getByRole('button', { name: 'Test By keyboard' }).press('Enter');
  // The rule may fire by itself meanwhile: that delivery is another one.
  await rule.getByTestId('deliveries').locator(':scope > li', { hasText: 'test to webhook' }).locator('.chip.delivered').waitFor();
  const { deliveries } = await ask(`v1/alert-rules/${id}/deliveries`);
  const told = deliveries.find((/** @type {any} */ d) => d.event === 'alert.test');
  assert.ok(requests.includes(told?.id), 'the receiver has the test');

  await rule.getByLabel('Silence By keyboard').selectOption('1h');
  await rule.getByText('silent until').waitFor();
  assert.ok(Date.parse((await kept()).silenced_until) > Date.now() + 3_000_000);
  await rule.getByRole('button', { name: 'End the silence of By keyboard' }).press('Enter');
  await rule.getByLabel('Silence By keyboard').waitFor();

  await rule.getByRole('link', { name: 'Edit By keyboard' }).press('Enter');
  const threshold = page.getByLabel('Threshold');
  await threshold.waitFor();
  await page.getByLabel('Name', { exact: true }).first().fill('By keyboard 2');
  await threshold.fill('7');
  await threshold.press('Enter');
  await page.getByTestId('rules').getByText('By keyboard 2').waitFor();
  const changed = await kept();
  assert.equal(changed.watch.threshold, 7);
  assert.deepEqual(changed.channels, channels, 'the secret was left out, and stays');

  await page.getByRole('button', { name: 'Delete By keyboard 2' }).press('Enter');
  await page.getByRole('button', { name: 'Keep' }).and(page.locator(':focus')).waitFor();
  await tab('Really delete By keyboard 2');
  await keyboard.press('Enter');
  await page.getByText('No rules yet.').waitFor();
  assert.equal(await kept(), undefined);
  assert.deepEqual(watch.complaints.filter((text) => !/status of 400/.test(text)), []); // the two faults of the form
  await close();
});

test('what the server cannot answer is said, and asked for again', async () => {
  const { page, close } = await watchedPage(browser, base);
  await page.route('**/v1/models', (route) => route.fulfill({
    status: 503, contentType: 'application/problem+json', body: '{"detail":"Postgres does not answer.","code":"store_unavailable","request_id":"R1"}',
  }));
  await visit(page, '#/models');
  assert.equal(await page.getByRole('alert').locator('p').innerText(), 'Postgres does not answer. (request R1)');
  await page.unroute('**/v1/models');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByTestId('own-metrics').waitFor();

  await page.route('**/v1/anomalies*', (route) => route.abort());
  await visit(page, '#/incidents');
  assert.match(await page.getByRole('alert').innerText(), /The server cannot be reached\./);
  await close();
});

test('the navigation names the page, and begins it with the keyboard', async () => {
  const { page, close } = await watchedPage(browser, base, { viewport: narrow });
  await visit(page, '#/models');
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Fraud' }).press('Enter');
  await page.getByTestId('purchases').waitFor();
  assert.equal(await page.title(), 'Fraud – Millrace');
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN');
  assert.equal(await page.locator('[aria-current=page]').innerText(), 'Fraud');
  await page.goBack();
  await page.getByTestId('own-metrics').waitFor();
  await close();
});

// Contrast depends on the colours only, and scrolling on the size only: two of the four combinations cover both.
for (const [size, viewport, colorScheme] of /** @type {const} */ ([['wide', wide, 'light'], ['narrow', narrow, 'dark']])) {
  test(`every page, ${colorScheme} ${size}: no sideways scrolling, no faint text`, async () => {
    const { page, watch, close } = await watchedPage(browser, base, { viewport, colorScheme });
    for (const hash of ['#/', '#/users', `#/users/${encodeURIComponent(shopper)}`, '#/models', '#/fraud', '#/incidents', '#/alerts', '#/alerts/new']) {
      await visit(page, hash);
      assert.equal(await sidewaysScroll(page), 0, `${hash} scrolls sideways`);
      assert.deepEqual(await faint(page), [], `${hash} has text that is hard to read`);
      const name = hash.includes('shop') ? 'user' : hash.slice(2).replace('/', '-') || 'live';
      if (folder !== undefined) await page.screenshot({ path: join(folder, `page-${name}-${colorScheme}-${size}.png`), fullPage: true });
    }
    assert.deepEqual(watch, quiet);
    await close();
  });
}
