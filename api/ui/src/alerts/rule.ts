// Alert rules as the server has them, as a form has them, and the way between.

import { f } from '../format';

export interface Watch {
  kind: Kind;
  query?: unknown;
  series?: string;
  figure?: string;
  of?: string;
  is?: string;
  threshold?: number;
  probability?: number;
  limit?: number;
  decisions?: string[];
  min_score?: number;
  severities?: string[];
  model?: string;
  stages?: string[];
  states?: string[];
  lag_seconds?: number;
}

export interface Channel {
  name: string;
  kind: 'webhook' | 'slack' | 'email';
  url?: string;
  secret_set: boolean;
  to?: string[];
}

/** One of GET /v1/alert-rules. */
export interface Rule {
  id: string;
  name: string;
  watch: Watch;
  every: string;
  for: string;
  keep_firing_for: string;
  missing: string;
  severity: string;
  channels: Channel[];
  labels: Record<string, string>;
  silenced_until: string | null;
  looked_at: string | null;
  problem?: string;
}

export const kinds = [
  { value: 'query', name: 'a question' },
  { value: 'churn', name: 'users at risk' },
  { value: 'fraud', name: 'unusual purchases' },
  { value: 'incident', name: 'incidents' },
  { value: 'drift', name: 'drift of a model' },
  { value: 'pipeline', name: 'the pipeline' },
] as const;

export type Kind = (typeof kinds)[number]['value'];

/** A rule as it is typed: every field of every kind, as text. */
export interface Draft {
  name: string;
  kind: Kind;
  /** One line of the language, or a question as JSON. */
  query: string;
  series: string;
  figure: string;
  of: string;
  is: string;
  threshold: string;
  probability: string;
  limit: string;
  decisions: string[];
  min_score: string;
  severities: string[];
  model: string;
  stages: string;
  states: string[];
  lag_seconds: string;
  every: string;
  for: string;
  keep_firing_for: string;
  missing: string;
  severity: string;
  /** name=value, separated by commas. */
  labels: string;
  channels: ChannelDraft[];
}

export interface ChannelDraft {
  name: string;
  kind: Channel['kind'];
  url: string;
  secret: string;
  /** Addresses, separated by commas. */
  to: string;
  /** The server has a secret of it, which stays where none is typed. */
  secretSet: boolean;
}

export const emptyChannel: ChannelDraft = { name: '', kind: 'webhook', url: '', secret: '', to: '', secretSet: false };

export const emptyDraft: Draft = {
  name: '', kind: 'query', query: '', series: '', figure: '', of: 'value', is: '<', threshold: '', probability: '0.8', limit: '100',
  decisions: ['block'], min_score: '', severities: [], model: 'churn', stages: '', states: ['failing'], lag_seconds: '',
  every: '1m', for: '0s', keep_firing_for: '0s', missing: 'keep', severity: 'warning', labels: '', channels: [],
};

/** The form of a rule that exists. */
export function draftOf(rule: Rule): Draft {
  const { watch } = rule;
  const number = (n: number | undefined) => (n === undefined ? '' : String(n));
  return {
    name: rule.name, kind: watch.kind, query: textOf(watch.query), series: watch.series ?? '', figure: watch.figure ?? '',
    of: watch.of ?? 'value', is: watch.is ?? '<', threshold: number(watch.threshold), probability: number(watch.probability),
    limit: number(watch.limit), decisions: watch.decisions ?? [], min_score: number(watch.min_score), severities: watch.severities ?? [],
    model: watch.model ?? 'churn', stages: (watch.stages ?? []).join(', '), states: watch.states ?? [], lag_seconds: number(watch.lag_seconds),
    every: rule.every, for: rule.for, keep_firing_for: rule.keep_firing_for, missing: rule.missing, severity: rule.severity,
    labels: Object.entries(rule.labels).map(([name, value]) => `${name}=${value}`).join(', '),
    channels: rule.channels.map((channel) => ({
      name: channel.name, kind: channel.kind, secret: '', to: (channel.to ?? []).join(', '), secretSet: channel.secret_set,
      url: channel.kind === 'slack' ? '' : channel.url ?? '', // of Slack only the host is shown: left out, the address stays
    })),
  };
}

function textOf(query: unknown): string {
  if (query === undefined) return '';
  const line = query as { kind?: unknown; q?: unknown };
  return line.kind === 'text' && typeof line.q === 'string' ? line.q : JSON.stringify(query, null, 2);
}

/** The body of the request. Throws an Error for JSON that cannot be read. */
export function bodyOf(draft: Draft): object {
  return {
    name: draft.name, watch: watchOf(draft), every: draft.every, for: draft.for, keep_firing_for: draft.keep_firing_for,
    missing: draft.missing, severity: draft.severity, labels: labelsOf(draft.labels), channels: draft.channels.map(channelOf),
  };
}

function watchOf(draft: Draft): object {
  const { kind } = draft;
  switch (kind) {
    case 'query':
      return present({
        kind, query: queryOf(draft.query), of: draft.of, is: draft.is, threshold: numeric(draft.threshold), series: draft.series.trim(), figure: draft.figure.trim(),
      });
    case 'churn':
      return present({ kind, probability: numeric(draft.probability), limit: numeric(draft.limit) });
    case 'fraud':
      return present({ kind, decisions: draft.decisions, min_score: numeric(draft.min_score) });
    case 'incident':
      return present({ kind, severities: draft.severities });
    case 'drift':
      return present({ kind, model: draft.model.trim(), threshold: numeric(draft.threshold) });
    case 'pipeline':
      return present({ kind, stages: listOf(draft.stages), states: draft.states, lag_seconds: numeric(draft.lag_seconds) });
  }
}

function queryOf(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  return trimmed.startsWith('{') ? JSON.parse(trimmed) : { kind: 'text', q: trimmed };
}

function channelOf(channel: ChannelDraft): object {
  const { name, kind } = channel;
  if (kind === 'email') return present({ name, kind, to: listOf(channel.to) });
  return present({ name, kind, url: channel.url.trim(), ...(kind === 'webhook' ? { secret: channel.secret } : {}) });
}

/** Only what was filled in: the server has a default, or a word, for the rest. */
function present(fields: Record<string, unknown>): object {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(given);
}

function numeric(text: string): number | undefined {
  return text.trim() === '' ? undefined : Number(text);
}

function listOf(text: string): string[] {
  return text.split(',').map((part) => part.trim()).filter((part) => part !== '');
}

function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(listOf(text).map((part) => {
    const at = part.indexOf('=');
    return at < 0 ? [part, ''] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
  }));
}

/** Fields that can have an error of their own, by JSON pointer. */
const perKind: Record<Kind, string[]> = {
  query: ['query', 'series', 'figure', 'of', 'is', 'threshold'],
  churn: ['probability', 'limit'],
  fraud: ['decisions', 'min_score'],
  incident: ['severities'],
  drift: ['model', 'threshold'],
  pipeline: ['stages', 'states', 'lag_seconds'],
};

/**
 * The pointer of the form's field that a fault is about: the one named, or the
 * nearest above it. Null where the form shows none, so that it is told on top.
 */
export function fieldOf(draft: Draft, pointer: string): string | null {
  const shown = [
    ...['name', 'every', 'for', 'keep_firing_for', 'missing', 'severity', 'labels'].map((name) => `/${name}`),
    '/watch/kind', ...perKind[draft.kind].map((name) => `/watch/${name}`),
    ...draft.channels.flatMap((channel, i) => {
      const fields = channel.kind === 'email' ? ['to'] : channel.kind === 'slack' ? ['url'] : ['url', 'secret'];
      return ['name', 'kind', ...fields].map((name) => `/channels/${i}/${name}`);
    }),
  ];
  return shown.filter((field) => pointer === field || pointer.startsWith(`${field}/`)).toSorted((a, b) => b.length - a.length)[0] ?? null;
}

/** What a rule watches, in a line. */
export function watched(watch: Watch): string {
  switch (watch.kind) {
    case 'query':
      return `${{ change: 'the change of ', change_ratio: 'the relative change of ' }[watch.of ?? ''] ?? ''}“${oneLine(watch.query)}” ${watch.is} ${watch.threshold}`;
    case 'churn':
      return `users with at least ${f.share(watch.probability ?? 0, 1)} to stay away, the first ${watch.limit}`;
    case 'fraud':
      return `purchases to ${(watch.decisions ?? []).join(' or ')}${watch.min_score ? `, score from ${watch.min_score}` : ''}`;
    case 'incident':
      return `incidents of ${watch.severities === undefined || watch.severities.length === 0 ? 'any' : watch.severities.join(' or ')} severity`;
    case 'drift':
      return `drift of ${watch.model} above ${watch.threshold}`;
    case 'pipeline':
      return pipeline(watch);
  }
}

function pipeline(watch: Watch): string {
  const stages = watch.stages === undefined || watch.stages.length === 0 ? 'any stage' : `stage ${watch.stages.join(' or ')}`;
  const states = (watch.states ?? []).join(' or ');
  const lag = watch.lag_seconds ? `later than ${f.span(watch.lag_seconds)}` : '';
  return `${stages} ${[states, lag].filter((part) => part !== '').join(', or ')}`;
}

function oneLine(query: unknown): string {
  const { kind, q } = (query ?? {}) as { kind?: string; q?: string };
  return kind === 'text' && q !== undefined ? q : JSON.stringify(query);
}
