// @ts-check
// Chromium of the machine, watched: whatever a page says or asks for that it
// should not is collected for the test to see. Nothing is ever downloaded.
import { existsSync } from 'node:fs';

import { chromium } from 'playwright-core';

const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** Starts the browser. Throws with the remedy when it is not installed. */
export async function launch() {
  const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(`No Chromium at ${executablePath}. Run "apt-get install chromium", or set CHROMIUM_PATH to one.`);
  }
  return chromium.launch({ executablePath, args: flags });
}

/**
 * @typedef {object} Watch
 * @property {string[]} complaints console errors, exceptions and CSP violations
 * @property {string[]} strangers requests to another origin
 */

/**
 * A page that has not been opened yet, and what it will be caught doing.
 * @param {import('playwright-core').Browser} browser
 * @param {string} base
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function watchedPage(browser, base, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  /** @type {Watch} */
  const watch = { complaints: [], strangers: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') watch.complaints.push(message.text());
  });
  page.on('pageerror', (error) => watch.complaints.push(String(error)));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(base).origin) watch.strangers.push(request.url());
  });
  await page.exposeFunction('reportViolation', (/** @type {string} */ what) => watch.complaints.push(what));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (violation) => {
      // @ts-ignore: exposed above
      window.reportViolation(`CSP ${violation.violatedDirective}: ${violation.blockedURI}`);
    });
  });
  return { page, watch, close: () => context.close() };
}
