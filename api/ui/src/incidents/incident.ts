// Incidents of the figures, and the question that shows a figure day by day.

import { f } from '../format';

/** One of GET /v1/anomalies. */
export interface Incident {
  id: string;
  start: string;
  first_seen: string;
  end: string;
  detected_at: string;
  ongoing: boolean;
  severity: 'low' | 'medium' | 'high';
  measure: string;
  measures: string[];
  unit: 'share' | 'count';
  expected: { value: number; low: number; high: number };
  seen: number;
  evidence: number;
  breakdown: { property: string; value: string; share: number } | null;
  after_event?: string;
}

/** A figure by day of UTC. Shares are percentages, so that an axis can show them. */
export interface Series {
  days: Date[];
  values: (number | null)[];
  /** The figure over the days of the incident, in the incident's own unit. */
  during: number;
  /** Whose figure it is, such as platform = mobile; empty for all. */
  of: string;
}

const day = 86_400_000;

/** A value of an incident's figure, as its unit wants it. */
export function inUnit(incident: Incident, value: number): string {
  return incident.unit === 'share' ? f.share(value, 1) : f.value(value);
}

/** How long an incident is, in days of UTC, both ends included. */
export function daysOf(incident: Incident): number {
  return Math.max(1, Math.round((Date.parse(incident.end) + 1 - Date.parse(incident.start)) / day));
}

/** How much it is against what was usual: "126 times", "a third", in numbers. */
export function againstUsual(incident: Incident): string {
  const { seen, expected } = incident;
  if (seen > expected.value) return expected.value > 0 ? `${f.value(round(seen / expected.value))} times the usual` : 'usually there is none';
  return `${f.share(seen, expected.value)} of the usual`;
}

const round = (n: number) => (n >= 10 ? Math.round(n) : Math.round(n * 10) / 10);

interface Asked {
  /** The series of the question; with two, the figure is the second over the first. */
  series: object[];
  where: string[];
}

/** What to ask for a measure, by its name in the incident; null for one that no single question tells. */
function askedFor(measure: string): Asked | null {
  const any = { name: 'A', event: null, measure: 'users' };
  if (measure === 'users') return { series: [any], where: [] };
  if (measure === 'events') return { series: [{ ...any, measure: 'total' }], where: [] };
  const share = after(measure, 'share of users with ');
  if (share !== null) return { series: [any, { name: 'B', event: share, measure: 'users' }], where: [] };
  if (measure !== 'revenue' && !measure.startsWith('revenue in ')) return null;
  const currency = after(measure, 'revenue in ');
  return {
    series: [{ name: 'A', event: 'purchase', measure: 'sum', property: 'amount' }],
    where: currency === null ? [] : [`currency = ${quoted(currency)}`],
  };
}

function after(text: string, prefix: string): string | null {
  return text.startsWith(prefix) ? text.slice(prefix.length) : null;
}

/** Text as a literal of the language of conditions. */
const quoted = (text: string) => JSON.stringify(text);

/**
 * The question to POST /v1/query for the days around an incident: of everybody, or
 * of the value that explains it. Null where no single question tells the figure.
 */
export function question(incident: Incident, explained: boolean, now: Date): object | null {
  const asked = askedFor(incident.measure);
  if (asked === null) return null;
  const { breakdown } = incident;
  const where = explained && breakdown !== null ? [...asked.where, `${breakdown.property} = ${quoted(breakdown.value)}`] : asked.where;
  const today = Math.floor(now.getTime() / day) * day; // the day under way is not counted in full yet
  const from = Date.parse(incident.start) - 30 * day;
  const to = Math.min(Date.parse(incident.end) + 1 + 7 * day, today);
  return {
    kind: 'trends', timezone: 'UTC', interval: 'day',
    from: new Date(from).toISOString(), to: new Date(to).toISOString(),
    series: asked.series,
    ...(where.length === 0 ? {} : { where: where.join(' and ') }),
  };
}

export interface WireTrends {
  result: { buckets: string[]; series: { values: (number | string | null)[] }[] };
}

/** The answer as a series, with the figure over the incident's own days. */
export function seriesOf(incident: Incident, wire: WireTrends, of: string): Series {
  const days = wire.result.buckets.map((at) => new Date(at));
  const [first, second] = wire.result.series.map((series) => series.values.map(Number));
  const one = first ?? [];
  const inside = days.map((at) => at.getTime() >= Date.parse(incident.first_seen) && at.getTime() < Date.parse(incident.end));
  const sum = (values: number[]) => values.reduce((total, value, i) => total + (inside[i] === true ? value : 0), 0);
  if (second === undefined) {
    return { days, values: one, during: sum(one) / Math.max(1, inside.filter(Boolean).length), of };
  }
  return { days, values: one.map((n, i) => (n > 0 ? (100 * second[i]!) / n : null)), during: sum(second) / Math.max(1, sum(one)), of };
}

/**
 * Which series the incident's band is of. The server names the value that explains
 * an incident, and not whether the band is that value's or everybody's: what was
 * seen tells.
 */
export function nearest(incident: Incident, all: Series[]): Series | undefined {
  const off = (series: Series) => Math.abs(series.during - incident.seen);
  return all.toSorted((a, b) => off(a) - off(b))[0];
}
