// @ts-check
// The pages while there is nothing to show: each says so, and what to do.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, watchedPage } from './browser.mjs';
import { base, visit } from './seen.mjs';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('what is not there yet is said, with what to do', async () => {
  const { page, watch, close } = await watchedPage(browser, base);
  for (const [hash, wanted] of [
    ['#/users', 'Train one with "millrace train churn"'],
    ['#/users/nobody', 'No event of this user has been counted yet.'],
    ['#/models', 'No version is in use'],
    ['#/models/nothing', 'There is no model nothing.'],
    ['#/fraud', 'No purchase was judged so.'],
    ['#/incidents', 'No incidents'],
    ['#/alerts', 'No rules yet.'],
    ['#/alerts/ar_nothing', 'There is no alert rule of this id.'],
    ['#/nothing', 'There is no page at /nothing.'],
  ]) {
    await visit(page, /** @type {string} */ (hash));
    assert.ok((await page.locator('main').innerText()).includes(/** @type {string} */ (wanted)), `${hash} says: ${await page.locator('main').innerText()}`);
  }
  // The browser itself notes each 404 and 409; nothing else may be amiss.
  assert.deepEqual(watch.complaints.filter((text) => !/status of 40[49]/.test(text)), []);
  assert.deepEqual(watch.strangers, []);
  await close();
});
