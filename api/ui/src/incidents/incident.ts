// Incidents of the figures, and how they are put into words and bars.

import type { Band, Bar } from '../chart/bar-chart';
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
  /** The windows that the figures are of. */
  window: 'hour' | 'day';
  /** The figure did not come back, and counts as usual since. */
  new_level?: boolean;
  after_event?: string;
}

/** What incidents were looked for in, and how far. */
export interface Watching {
  since: string;
  hours_until: string;
  days_until: string;
  series: number;
  timezone: string;
  sensitivity: number;
  steps: string[];
  properties: string[];
  errors: string[];
}

/** A window of the figure, of GET /v1/anomalies/{id}. */
export interface Point {
  at: string;
  seen: number | null;
  expected: number | null;
  low: number | null;
  high: number | null;
}

const lengths = { hour: 3_600_000, day: 86_400_000 };

/** A value of an incident's figure, as its unit wants it. */
export function inUnit(incident: Incident, value: number): string {
  return incident.unit === 'share' ? f.share(value, 1) : f.value(value);
}

/** How long an incident is, in its own windows, both ends included. */
export function lengthOf(incident: Incident): string {
  const n = Math.max(1, Math.round((Date.parse(incident.end) + 1 - Date.parse(incident.start)) / lengths[incident.window]));
  return incident.window === 'hour' ? f.plural(n, 'hour', 'hours') : f.plural(n, 'day', 'days');
}

/** How much it is against what was usual. */
export function againstUsual(incident: Incident): string {
  const { seen, expected } = incident;
  if (seen > expected.value) return expected.value > 0 ? `${f.value(round(seen / expected.value))} times the usual` : 'usually there is none';
  return `${f.share(seen, expected.value)} of the usual`;
}

const round = (n: number) => (n >= 10 ? Math.round(n) : Math.round(n * 10) / 10);

/** The value that explains most of an incident, as a condition; empty where it is spread over all. */
export function culpritOf({ breakdown }: Incident): string {
  return breakdown === null ? '' : `${breakdown.property} = ${breakdown.value === '' ? '(none)' : breakdown.value}`;
}

/** When a window is, as fine as it is, in the zone that the server looks at days in. */
export function when(incident: Incident, time: string, zone: string): string {
  return f.bucket(new Date(time), incident.window, zone);
}

/**
 * The figure as bars, those of the incident marked, before a band of what was
 * usual. Shares become percentages, so that an axis can show them.
 */
export function chartOf(incident: Incident, points: Point[], zone: string): { bars: Bar[]; band: (Band | null)[] } {
  const scale = incident.unit === 'share' ? 100 : 1;
  const [from, to] = [Date.parse(incident.start), Date.parse(incident.end)];
  const bars = points.map((point): Bar => {
    const key = Date.parse(point.at);
    return { key, value: point.seen === null ? null : scale * point.seen, name: when(incident, point.at, zone), marked: key >= from && key <= to };
  });
  const band = points.map(({ low, high }) => (low === null || high === null ? null : { low: scale * low, high: scale * high }));
  return { bars, band };
}
