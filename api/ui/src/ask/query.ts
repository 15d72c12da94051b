// One question of POST /v1/query (kind trends), its answer, and its errors.

import type { Interval } from '../format';
import { problem } from '../problem';

export const measures = [
  { value: 'total', name: 'events', property: false },
  { value: 'users', name: 'users', property: false },
  { value: 'sessions', name: 'sessions', property: false },
  { value: 'sum', name: 'sum of amount', property: true },
  { value: 'avg', name: 'average amount', property: true },
  { value: 'median', name: 'median amount', property: true },
] as const;

export type Measure = (typeof measures)[number]['value'];

export const intervals: readonly { value: Interval; name: string; seconds: number }[] = [
  { value: 'minute', name: 'minute', seconds: 60 },
  { value: '10m', name: '10 minutes', seconds: 600 },
  { value: 'hour', name: 'hour', seconds: 3600 },
  { value: 'day', name: 'day', seconds: 86_400 },
  { value: 'week', name: 'week', seconds: 604_800 },
  { value: 'month', name: 'month', seconds: 2_592_000 },
];

export interface Question {
  /** The event's type; empty means any. */
  event: string;
  measure: Measure;
  interval: Interval;
  days: number;
  timezone: string;
}

export interface Answer {
  interval: Interval;
  timezone: string;
  measure: Measure;
  buckets: Date[];
  values: (number | null)[];
  /** The server's own total over the range: for users it is not the sum of the buckets. */
  total: number | null;
  meta: { storedUntil: Date | null; rowsRead: number; bytesRead: number; elapsedMs: number; warnings: string[] };
}

/** More bars than this cannot be told apart. */
export const mostBuckets = 500;

/** Says why a question should not be sent as it is, or null. */
export function fault(question: Question): string | null {
  if (!Number.isInteger(question.days) || question.days < 1) return 'Choose a whole number of days, 1 or more.';
  const seconds = intervals.find((interval) => interval.value === question.interval)!.seconds;
  const buckets = Math.ceil((question.days * 86_400) / seconds);
  if (buckets <= mostBuckets) return null;
  const coarser = intervals.find((interval) => (question.days * 86_400) / interval.seconds <= mostBuckets);
  const remedy = coarser === undefined ? 'ask for fewer days' : `ask by ${coarser.name}, or for fewer days`;
  return `That makes ${buckets} bars: ${remedy}.`;
}

/** The body of the request. */
export function body(question: Question): object {
  const { property } = measures.find((measure) => measure.value === question.measure)!;
  return {
    kind: 'trends',
    from: `-${question.days}d`,
    to: 'now',
    timezone: question.timezone,
    interval: question.interval,
    series: [{
      name: 'A',
      event: question.event === '' ? null : question.event,
      measure: question.measure,
      ...(property ? { property: 'amount' } : {}),
    }],
  };
}

interface WireAnswer {
  result: { buckets: string[]; series: { values: (number | string | null)[]; total: number | string | null }[] };
  meta: {
    stored_until?: string | null; rows_read: number; bytes_read: number; elapsed_ms: number; warnings?: unknown[] | null;
  };
}

/** Sends the question. Rejects with an Error whose message is fit for the reader. */
export async function ask(url: URL, question: Question, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body(question)),
    signal,
  });
  if (!response.ok) throw new Error(problem(await response.text(), `The server answered ${response.status}.`));
  return readAnswer(question, (await response.json()) as WireAnswer);
}

/** An answer of the wire as the panel shows it. */
export function readAnswer(question: Question, wire: WireAnswer): Answer {
  const series = wire.result.series[0];
  if (series === undefined) throw new Error('The answer has no series.');
  const { interval, timezone, measure } = question;
  return {
    interval,
    timezone,
    measure,
    buckets: wire.result.buckets.map((at) => new Date(at)),
    values: series.values.map(numeric),
    total: numeric(series.total),
    meta: {
      storedUntil: wire.meta.stored_until == null ? null : new Date(wire.meta.stored_until),
      rowsRead: wire.meta.rows_read,
      bytesRead: wire.meta.bytes_read,
      elapsedMs: wire.meta.elapsed_ms,
      warnings: (wire.meta.warnings ?? []).map(text),
    },
  };
}

/** Money comes as a decimal string; for the height of a bar a float is enough. */
function numeric(value: number | string | null): number | null {
  return value === null ? null : Number(value);
}

function text(warning: unknown): string {
  if (typeof warning === 'string') return warning;
  const detail = (warning as { detail?: unknown } | null)?.detail;
  return typeof detail === 'string' ? detail : JSON.stringify(warning);
}
