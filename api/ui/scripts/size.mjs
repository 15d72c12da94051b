// @ts-check
// Prints what a first visit of the dashboard transfers, and fails above the budget.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = 60_000; // bytes, gzip
const dist = new URL('../dist/', import.meta.url);
const names = readdirSync(dist, { recursive: true }).map(String).filter((name) => /\.(html|js|css|svg)$/.test(name));
if (names.length === 0) throw new Error('dist is empty: run npm run build first');

let sum = 0;
for (const name of names.sort()) {
  const size = gzipSync(readFileSync(new URL(name, dist))).length;
  sum += size;
  console.log(`${String(size).padStart(7)} B gzip  ${name}`);
}
console.log(`${String(sum).padStart(7)} B gzip  in all, budget ${budget}`);
if (sum > budget) process.exitCode = 1;
