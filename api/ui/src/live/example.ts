import { type Figures, readFigures } from './figures';

/** One message as the server sends it, for tests. */
export const exampleMessage = {
  at: '2026-01-02T03:04:10Z',
  events_total: 31106,
  events_per_second: 12.3,
  series: [{ at: '2026-01-02T03:04:09Z', events: 12 }],
  window_seconds: 86400,
  users: 17,
  funnel: [{ event: 'view', users: 10 }, { event: 'add_to_cart', users: 4 }, { event: 'purchase', users: 1 }],
  top_events: [{ type: 'view', count: 100 }],
  revenue: [{ currency: 'USD', amount: '123.45', orders: 3 }],
  stored_until: '2026-01-02T03:04:09.5Z',
  lag_records: 0,
};

export function exampleFigures(changes: Partial<Figures> = {}): Figures {
  return { ...readFigures(JSON.stringify(exampleMessage)), ...changes };
}
