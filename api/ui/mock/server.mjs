// @ts-check
// A stand-in for Millrace while working on the dashboard: serves dist, makes up
// figures, takes events. Nothing of it is in the product.
//
//   PORT=8080 SCENE=busy npm run mock
//
// Scenes: busy (traffic), quiet (empty until an event is posted), behind (storing
// is stuck), flaky (hangs up every few seconds), large (long numbers and names),
// broken (no figures can be computed).
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { enlarged, randomEvent, Store } from './figures.mjs';

const port = Number(process.env.PORT ?? 8080);
const scene = process.env.SCENE ?? 'busy';
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const store = new Store();

if (scene !== 'quiet') {
  const start = Date.now();
  for (let ago = 90_000; ago > 0; ago -= 40) store.add(randomEvent(), start - ago);
  setInterval(makeTraffic, 250);
}
setInterval(() => {
  if (scene === 'behind') store.lag += 31;
  else store.storedUntil = Date.now() - 350;
}, 500);
if (scene === 'behind') store.storedUntil -= 120_000;

let wave = 0;
function makeTraffic() {
  wave += 0.02;
  const n = Math.round((5 + 3 * Math.sin(wave)) * (0.6 + 0.8 * Math.random()));
  for (let i = 0; i < n; i++) store.add(randomEvent());
}

const types = /** @type {Record<string, string>} */ ({
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css',
  '.svg': 'image/svg+xml', '.md': 'text/markdown; charset=utf-8',
});

const server = createServer((request, response) => {
  response.setHeader('Content-Security-Policy', "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'none'");
  response.setHeader('X-Content-Type-Options', 'nosniff');
  const { pathname } = new URL(request.url ?? '/', 'http://mock');
  const route = `${request.method} ${pathname}`;
  if (route === 'GET /v1/live') return live(response);
  if (route === 'POST /v1/events') return void take(request, response);
  if (route === 'POST /v1/query') return void answer(request, response);
  return file(pathname === '/' ? '/index.html' : pathname, response);
});

/** @typedef {import('node:http').ServerResponse} Response @typedef {import('node:http').IncomingMessage} Request */

/** @param {Response} response */
function live(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const message = () => (scene === 'large' ? enlarged(store.figures()) : store.figures());
  const send = () => response.write(`event: figures\ndata: ${JSON.stringify(message())}\n\n`);
  const complain = () => response.write(`event: problem\ndata: {"code":"store_unavailable","detail":"The store does not answer."}\n\n`);
  send();
  const timer = setInterval(scene === 'broken' ? complain : send, 1000);
  const hangUp = scene === 'flaky' ? setTimeout(() => response.destroy(), 6000) : undefined;
  response.on('close', () => {
    clearInterval(timer);
    clearTimeout(hangUp);
  });
}

/** @param {Request} request @param {Response} response */
async function take(request, response) {
  const body = JSON.parse(await text(request));
  const events = Array.isArray(body) ? body : [body];
  for (const event of events) store.add(event);
  json(response, 202, { accepted: events.length, rejected: [] });
}

const lengths = /** @type {Record<string, number>} */ ({ minute: 60, '10m': 600, hour: 3600, day: 86_400, week: 604_800, month: 2_629_800 });

/** @param {Request} request @param {Response} response */
async function answer(request, response) {
  const query = JSON.parse(await text(request));
  if (query.series[0].event === 'nonsense') {
    return json(response, 400, { code: 'unknown_event', detail: 'No event named "nonsense" is stored; the nearest is "view".', request_id: 'r1' });
  }
  const length = (lengths[query.interval] ?? 86_400) * 1000;
  const n = Math.ceil((Number(query.from.slice(1, -1)) * 86_400_000) / length);
  const first = Math.floor(Date.now() / length) - n + 1;
  const values = Array.from({ length: n }, (_, i) => Math.round(400 + 250 * Math.sin((first + i) / 3) + 150 * Math.random()));
  json(response, 200, {
    kind: 'trends',
    result: {
      buckets: values.map((_, i) => new Date((first + i) * length).toISOString()),
      series: [{ name: 'A', values, total: values.reduce((a, b) => a + b, 0) }],
    },
    meta: { semantics: '1', stored_until: new Date(store.storedUntil).toISOString(), elapsed_ms: 11.8, rows_read: 31106, bytes_read: 1_240_000, warnings: [] },
  });
}

/** @param {string} path @param {Response} response */
function file(path, response) {
  const name = join(dist, normalize(path));
  if (!existsSync(name) || !statSync(name).isFile()) {
    response.writeHead(404, { 'Content-Type': 'text/plain' });
    return response.end('Not here. Is the dashboard built (npm run build)?\n');
  }
  response.setHeader('Content-Type', types[extname(name)] ?? 'application/octet-stream');
  return createReadStream(name).pipe(response);
}

/** @param {Request} request */
async function text(request) {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += piece;
  return body;
}

/** @param {Response} response @param {number} status @param {object} value */
function json(response, status, value) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

server.listen(port, '127.0.0.1', () => {
  const address = server.address();
  console.log(`mock (${scene}) on http://127.0.0.1:${typeof address === 'object' ? address?.port : port}`);
});
