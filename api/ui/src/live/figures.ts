// The figures of GET /v1/live, and the reading of one message.

export interface Second {
  at: Date;
  events: number;
}

export interface Figures {
  /** The server's clock when it counted. */
  at: Date;
  /** Events stored, ever. */
  eventsTotal: number;
  /** Stored events per second, mean of the last ten. */
  eventsPerSecond: number;
  /** The last 60 seconds by the time of storing, oldest first, none missing. */
  series: Second[];
  /** How far back users, funnel, top events and revenue look, by event time. */
  windowSeconds: number;
  users: number;
  funnel: { event: string; users: number }[];
  topEvents: { type: string; count: number }[];
  revenue: { currency: string; amount: string; orders: number }[];
  /** All that the broker accepted before this is counted. Null: not known yet. */
  storedUntil: Date | null;
  /** Records that the broker holds and the store does not have yet. */
  lagRecords: number;
}

/** Reads one message. Throws an Error that names the field which is not as expected. */
export function readFigures(text: string): Figures {
  const root = object(JSON.parse(text), 'figures');
  return {
    at: date(root, 'at'),
    eventsTotal: number(root, 'events_total'),
    eventsPerSecond: number(root, 'events_per_second'),
    series: list(root, 'series', (row) => ({ at: date(row, 'at'), events: number(row, 'events') })),
    windowSeconds: number(root, 'window_seconds'),
    users: number(root, 'users'),
    funnel: list(root, 'funnel', (row) => ({ event: string(row, 'event'), users: number(row, 'users') })),
    topEvents: list(root, 'top_events', (row) => ({ type: string(row, 'type'), count: number(row, 'count') })),
    revenue: list(root, 'revenue', (row) => ({
      currency: string(row, 'currency'), amount: string(row, 'amount'), orders: number(row, 'orders'),
    })),
    storedUntil: root.stored_until == null ? null : date(root, 'stored_until'),
    lagRecords: number(root, 'lag_records'),
  };
}

/** How long, by the server's own clock, the figures are behind the broker; 0 when nothing waits. */
export function secondsBehind(figures: Figures): number {
  if (figures.lagRecords <= 0 || figures.storedUntil === null) return 0;
  return Math.max(0, (figures.at.getTime() - figures.storedUntil.getTime()) / 1000);
}

type Row = Record<string, unknown>;

function object(value: unknown, name: string): Row {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Row;
  throw new Error(`${name} is not an object`);
}

function number(row: Row, field: string): number {
  const value = row[field];
  if (typeof value === 'number') return value;
  throw new Error(`${field} is not a number`);
}

function string(row: Row, field: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw new Error(`${field} is not text`);
}

function date(row: Row, field: string): Date {
  const value = new Date(string(row, field));
  if (Number.isNaN(value.getTime())) throw new Error(`${field} is not a time`);
  return value;
}

function list<T>(row: Row, field: string, read: (row: Row) => T): T[] {
  const value = row[field];
  if (value === null) return []; // how Go writes an empty slice that was never made
  if (!Array.isArray(value)) throw new Error(`${field} is not a list`);
  return value.map((item, i) => read(object(item, `${field}[${i}]`)));
}
