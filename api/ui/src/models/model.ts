// Trained models as the server lists them, and their figures put into words.

export interface Training {
  state: 'idle' | 'running' | 'done' | 'failed';
  started_at?: string;
  ended_at?: string;
  detail?: string;
}

export interface Version {
  version: number;
  current: boolean;
  created_at: string;
  trained_from: string;
  trained_until: string;
  code_version: string;
  promoted_at: string | null;
}

/** One of GET /v1/models. */
export interface Model {
  name: string;
  current: number | null;
  training: Training;
  versions: Version[];
}

/** The answer of GET /v1/models/{name}/versions/{version}. Metrics and parameters are the model's own. */
export interface Details extends Version {
  name: string;
  metrics: unknown;
  parameters: unknown;
  drift: Drift | null;
  promotions: { version: number; at: string; reason: string }[];
}

export interface Drift {
  as_of: string;
  users: number;
  /** Population stability index of the score. */
  score: number;
  features: Record<string, number>;
}

export interface Metrics {
  users: number;
  churn_rate: number;
  auc: number;
  pr_auc: number;
  log_loss: number;
  brier: number;
}

interface Part {
  from: string;
  until: string;
  dates: number;
  examples: number;
  churn_rate: number;
}

/** The metrics of a version of the churn model. */
export interface ChurnMetrics {
  train: Part;
  calibrate: Part;
  test: Part;
  metrics: Metrics;
  recent?: Metrics;
  baselines: { name: string; metrics: Metrics }[];
  calibration: Bin[];
  calibration_error: number;
  lift: { decile: number; users: number; churn_rate: number; lift: number; captured: number }[];
}

/** A tenth of the users, by what was predicted for them. */
export interface Bin {
  users: number;
  predicted: number;
  observed: number;
}

/** The metrics of a version of the models of repeat purchases and spend. */
export interface LifetimeMetrics {
  r: number;
  alpha: number;
  a: number;
  b: number;
  log_likelihood: number;
  customers: number;
  repeat_customers: number;
  calibrate_until: string;
  at_bounds?: boolean;
  gamma_gamma?: { p: number; q: number; v: number; customers: number; log_likelihood: number };
  holdout?: {
    calibrated_until: string;
    weeks: number;
    expected: number;
    actual: number;
    by_repeats: { repeats: number; customers: number; expected: number; actual: number }[];
  };
}

const titles: Record<string, string> = {
  churn: 'Who stays away, by all that they do (logistic regression)',
  bgnbd: 'Who buys again, and what they are worth (BG/NBD, Gamma-Gamma)',
};

/** What a model is about, for people; its name where it is not known here. */
export const titleOf = (name: string) => titles[name] ?? name;

/** Whether metrics are those of the churn model. They are the model's own, so a later one may have others. */
export function isChurn(metrics: unknown): metrics is ChurnMetrics {
  return has(metrics, 'metrics', 'baselines', 'calibration', 'lift', 'test');
}

/** Whether metrics are those of BG/NBD. */
export function isLifetime(metrics: unknown): metrics is LifetimeMetrics {
  return has(metrics, 'r', 'alpha', 'a', 'b', 'log_likelihood', 'customers');
}

function has(value: unknown, ...names: string[]): boolean {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

export type Amount = 'little' | 'some' | 'much';

/** How much has changed, by the population stability index: the bounds of Siddiqi (2006). */
export function driftOf(index: number): Amount {
  if (index < 0.1) return 'little';
  return index <= 0.25 ? 'some' : 'much';
}

/** The score first, then the features that have moved most. */
export function driftRows(drift: Drift): { name: string; index: number }[] {
  const features = Object.entries(drift.features).map(([name, index]) => ({ name, index }));
  return [{ name: 'score', index: drift.score }, ...features.sort((a, b) => b.index - a.index)];
}

/** The version whose page is meant: the one in use where none is named, the newest where none is in use. */
export function versionOf(model: Model, named: number | null): number | null {
  return named ?? model.current ?? model.versions[0]?.version ?? null;
}
