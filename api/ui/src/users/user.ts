// What the server knows of one user, and how it is put into words.

import { f, NOTHING } from '../format';

type ByCurrency = Record<string, string>;

interface ModelUsed {
  name: string;
  version: number;
}

/** The answer of GET /v1/users/{id}, as far as it is shown. */
export interface User {
  user_id: string;
  first_seen: string;
  last_seen: string;
  events: number;
  events_by_type: Record<string, number>;
  sessions: number;
  active_days: number;
  orders: number;
  revenue_by_currency: ByCurrency;
  largest_order: ByCurrency;
  average_order: ByCurrency;
  refunds_by_currency: ByCurrency;
  value_by_currency: ByCurrency;
  favourite_category: string;
  country: string;
  device: string;
  platform: string;
  lifetime: Lifetime | null;
}

/** What the model of repeat purchases says. */
export interface Lifetime {
  p_alive: number;
  purchase_probability_30d: number;
  expected_purchases_30d: number;
  expected_purchases_90d: number;
  expected_spend: number | null;
  expected_value_365d: number | null;
  currency: string;
  as_of: string;
  model: ModelUsed;
}

/** The answer of POST /v1/predict/churn. */
export interface Prediction {
  churn_probability: number;
  churned: boolean;
  as_of: string;
  /** statistics: estimated from the user's totals, of somebody whom the latest pass over active users did not see. */
  features_from: 'events' | 'statistics';
  model: ModelUsed;
  features: Record<string, number>;
  reasons: { feature: string; effect: number }[];
}

/** Amounts of every currency, which are never added up. */
export function amounts(by: ByCurrency): string {
  const all = Object.entries(by).sort(([a], [b]) => (a < b ? -1 : 1));
  return all.length === 0 ? NOTHING : all.map(([currency, amount]) => f.money(amount, currency)).join(', ');
}

const orNothing = (text: string) => (text === '' ? NOTHING : text);

/** What is known of a user beside times, by name. */
export function facts(user: User): { name: string; value: string; test?: string }[] {
  return [
    { name: 'Events', value: f.count(user.events), test: 'user-events' },
    { name: 'Sessions', value: f.count(user.sessions), test: 'user-sessions' },
    { name: 'Active days', value: f.count(user.active_days) },
    { name: 'Purchases', value: f.count(user.orders), test: 'user-orders' },
    { name: 'Revenue', value: amounts(user.revenue_by_currency), test: 'user-revenue' },
    { name: 'Average purchase', value: amounts(user.average_order) },
    { name: 'Largest purchase', value: amounts(user.largest_order) },
    { name: 'Refunds', value: amounts(user.refunds_by_currency) },
    { name: 'Lifetime value so far', value: amounts(user.value_by_currency) },
    { name: 'Favourite category', value: orNothing(user.favourite_category) },
    { name: 'Country', value: orNothing(user.country) },
    { name: 'Device', value: orNothing(user.device) },
    { name: 'Platform', value: orNothing(user.platform) },
  ];
}

/** A feature's name for people: views_7d is "views in 7 days". */
export function featureName(feature: string): string {
  return feature.replace(/_(\d+)d$/, ' in $1 days').replaceAll('_', ' ');
}

/** A feature's value; whole numbers as they are. */
export function featureValue(value: number | undefined): string {
  return value === undefined ? '' : f.value(value);
}

/** A value per currency that a model expects; the model computes with floats, so cents suffice. */
export function expected(value: number | null, currency: string): string {
  return value === null ? NOTHING : f.money(value.toFixed(2), currency);
}
