// @ts-check
// What the mock has "stored", and the figures of GET /v1/live made from it.

/** @typedef {{type: string, user_id?: string, anonymous_id?: string, properties?: {amount?: number | string, currency?: string}}} Envelope */

const steps = ['view', 'add_to_cart', 'purchase'];

export class Store {
  total = 0;
  /** When this figure of `stored_until` was true, in milliseconds. */
  storedUntil = Date.now();
  lag = 0;
  /** @type {Map<number, number>} events by second */
  seconds = new Map();
  /** @type {Map<string, number>} */
  types = new Map();
  /** @type {Map<string, number>} the number of funnel steps that a user has done */
  depth = new Map();
  /** @type {Map<string, {micros: bigint, orders: number}>} */
  revenue = new Map();

  /** @param {Envelope} event @param {number} [now] */
  add(event, now = Date.now()) {
    const second = Math.floor(now / 1000);
    this.total++;
    this.seconds.set(second, (this.seconds.get(second) ?? 0) + 1);
    this.seconds.delete(second - 120);
    this.types.set(event.type, (this.types.get(event.type) ?? 0) + 1);
    const user = event.user_id ?? event.anonymous_id ?? '';
    const depth = this.depth.get(user) ?? 0;
    this.depth.set(user, event.type === steps[depth] ? depth + 1 : depth);
    if (event.type === 'purchase') this.#addRevenue(event.properties ?? {});
  }

  /** @param {NonNullable<Envelope['properties']>} properties */
  #addRevenue({ amount, currency = '' }) {
    if (amount === undefined) return;
    const row = this.revenue.get(currency) ?? { micros: 0n, orders: 0 };
    row.micros += BigInt(Math.round(Number(amount) * 1e6));
    row.orders++;
    this.revenue.set(currency, row);
  }

  /** The message of one second, in the shape of the real server. */
  figures(now = Date.now()) {
    const last = Math.floor(now / 1000) - 1;
    const series = Array.from({ length: 60 }, (_, i) => {
      const second = last - 59 + i;
      return { at: new Date(second * 1000).toISOString(), events: this.seconds.get(second) ?? 0 };
    });
    const users = [...this.depth.values()];
    return {
      at: new Date(now).toISOString(),
      events_total: this.total,
      events_per_second: series.slice(-10).reduce((sum, s) => sum + s.events, 0) / 10,
      series,
      window_seconds: 86_400,
      users: users.length,
      funnel: steps.map((event, i) => ({ event, users: users.filter((depth) => depth > i).length })),
      top_events: [...this.types].map(([type, count]) => ({ type, count }))
        .sort((a, b) => b.count - a.count).slice(0, 10),
      revenue: [...this.revenue].map(([currency, { micros, orders }]) => ({ currency, amount: decimal(micros), orders })),
      stored_until: new Date(this.storedUntil).toISOString(),
      lag_records: this.lag,
    };
  }
}

/**
 * The same figures with numbers and names that are hard to place.
 * @param {ReturnType<Store['figures']>} figures
 */
export function enlarged(figures) {
  const by = 16_384;
  return {
    ...figures,
    events_total: figures.events_total * by * 100,
    events_per_second: figures.events_per_second * by,
    series: figures.series.map(({ at, events }) => ({ at, events: events * by })),
    users: figures.users * by,
    funnel: figures.funnel.map(({ event, users }) => ({ event, users: users * by })),
    top_events: figures.top_events.map(({ type, count }) => ({ type: `checkout_experiment_17.${type}_by_returning_customer`, count: count * by })),
    revenue: figures.revenue.map((row) => ({ ...row, amount: `98765432${row.amount}`, orders: row.orders * by })),
    lag_records: 1_234_567,
  };
}

/** @param {bigint} micros */
function decimal(micros) {
  return `${micros / 1_000_000n}.${String((micros % 1_000_000n) / 10_000n).padStart(2, '0')}`;
}

const kinds = /** @type {const} */ ([
  ['page_view', 34], ['view', 30], ['click', 14], ['add_to_cart', 7], ['video_progress', 6], ['search', 4],
  ['purchase', 3], ['login', 2], ['video_play', 2], ['remove_from_cart', 1], ['signup', 1],
]);
const currencies = ['USD', 'EUR', 'INR', 'JPY'];

/** @returns {Envelope} */
export function randomEvent() {
  const user_id = `user_${Math.floor(Math.random() ** 2 * 4000)}`;
  let roll = Math.random() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  const type = kinds.find(([, weight]) => (roll -= weight) < 0)?.[0] ?? 'view';
  if (type !== 'purchase') return { type, user_id };
  const currency = currencies[Math.floor(Math.random() ** 2 * currencies.length)] ?? 'USD';
  const amount = (Math.exp(Math.random() * 5) * (currency === 'INR' || currency === 'JPY' ? 90 : 1)).toFixed(2);
  return { type, user_id, properties: { amount, currency } };
}
