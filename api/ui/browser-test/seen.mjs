// @ts-check
// What the tests of the pages share: asking the server, and looking at a page.
import assert from 'node:assert/strict';

export const base = process.env.BASE_URL ?? 'http://127.0.0.1:8080';
export const wide = { width: 1280, height: 900 };
export const narrow = { width: 390, height: 844 };

/** @typedef {import('playwright-core').Page} Page */

/** Asks the server for JSON. @param {string} path @param {object} [body] a POST where it is there @returns {Promise<any>} */
export async function ask(path, body) {
  const answer = await fetch(new URL(path, base), body === undefined ? {} : {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** Waits until the server's answer is as wanted. @param {string} path @param {(answer: any) => boolean} wanted */
export async function until(path, wanted) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await fetch(new URL(path, base));
    const body = await answer.json();
    if (answer.ok && wanted(body)) return body;
    if (Date.now() > deadline) throw new Error(`${path} never became what was waited for: ${JSON.stringify(body).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Opens the page behind # and waits until it shows what it was asked for. It is
 * loaded anew, so that nothing of the page before is taken for it.
 * @param {Page} page @param {string} hash
 */
export async function visit(page, hash) {
  await page.goto('about:blank');
  await page.goto(new URL(hash, base).href);
  await page.locator('main').waitFor();
  await page.waitForFunction(() => !document.querySelector('main')?.textContent?.includes('Loading…'), undefined, { timeout: 15_000 });
}

/** @param {Page} page */
export async function sidewaysScroll(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/**
 * Texts whose contrast with what lies behind them is below 4.5, which WCAG 2.2
 * asks of text of this size (success criterion 1.4.3).
 * @param {Page} page
 */
export async function faint(page) {
  return page.evaluate(() => {
    const pixel = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    if (pixel === null) throw new Error('no canvas');
    const mixed = new Map(/** @type {[string, number[]][]} */ ([])); // reading pixels back is slow
    /** A colour of any notation over another. @param {string} colour @param {number[]} under */
    const over = (colour, under) => {
      const named = `${colour} over ${under}`;
      const known = mixed.get(named);
      if (known !== undefined) return known;
      pixel.fillStyle = `rgb(${under.join(' ')})`;
      pixel.fillRect(0, 0, 1, 1);
      pixel.fillStyle = colour;
      pixel.fillRect(0, 0, 1, 1);
      const seen = [...pixel.getImageData(0, 0, 1, 1).data.slice(0, 3)];
      mixed.set(named, seen);
      return seen;
    };
    /** @param {Element | null} at @returns {number[]} */
    const ground = (at) => (at === null ? [255, 255, 255] : over(getComputedStyle(at).backgroundColor, ground(at.parentElement)));
    /** @param {number[]} colour */
    const light = (colour) => {
      const [r = 0, g = 0, b = 0] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = new Set();
    for (const at of document.querySelectorAll('body *')) {
      const own = [...at.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '');
      if (!own || at.closest('.unseen, .skip, svg, script, option') !== null || at.getClientRects().length === 0) continue;
      // A bar may lie behind the text of a list.
      const bar = at.closest('.bars li')?.querySelector('.behind');
      for (const under of [ground(at), ...(bar ? [ground(bar)] : [])]) {
        const [a, b] = [light(over(getComputedStyle(at).color, under)), light(under)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) found.add(`${at.tagName} ${at.className} "${at.textContent?.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
      }
    }
    return [...found];
  });
}
