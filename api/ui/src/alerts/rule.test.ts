import { describe, expect, test } from 'vitest';

import { bodyOf, draftOf, emptyChannel, emptyDraft, fieldOf, type Rule, watched } from './rule';

const rule: Rule = {
  id: 'ar_1', name: 'Few purchases', every: '1m', for: '5m', keep_firing_for: '0s', missing: 'keep', severity: 'critical', labels: { team: 'shop', tier: '1' },
  watch: { kind: 'query', query: { kind: 'text', q: 'trends purchase last 1h' }, of: 'value', is: '<', threshold: 10 },
  channels: [
    { name: 'ops', kind: 'webhook', url: 'https://ops.example.com/a', secret_set: true },
    { name: 'chat', kind: 'slack', url: 'https://hooks.example.com', secret_set: true },
    { name: 'mail', kind: 'email', to: ['a@example.com', 'b@example.com'], secret_set: false },
  ],
  silenced_until: null, looked_at: null,
};

describe('the form of a rule', () => {
  test('sends back what it was given, and leaves secrets out', () => {
    expect(bodyOf(draftOf(rule))).toEqual({
      name: 'Few purchases', every: '1m', for: '5m', keep_firing_for: '0s', missing: 'keep', severity: 'critical', labels: { team: 'shop', tier: '1' },
      watch: rule.watch,
      channels: [
        { name: 'ops', kind: 'webhook', url: 'https://ops.example.com/a' },
        { name: 'chat', kind: 'slack' },
        { name: 'mail', kind: 'email', to: ['a@example.com', 'b@example.com'] },
      ],
    });
  });

  test.each([
    { kind: 'churn', probability: 0.8, limit: 100 },
    { kind: 'fraud', decisions: ['review', 'block'], min_score: 0.9 },
    { kind: 'incident', severities: ['high'] },
    { kind: 'drift', model: 'churn', threshold: 0.25 },
    { kind: 'pipeline', stages: ['ingest', 'sync'], states: ['failing'], lag_seconds: 60 },
    { kind: 'query', query: { kind: 'funnel', steps: [{ event: 'view' }] }, of: 'value', is: '>=', threshold: 0, figure: '/steps/0/count' },
  ] as const)('keeps a watch of kind $kind', (watch) => {
    expect(bodyOf(draftOf({ ...rule, watch: watch as unknown as Rule['watch'] }))).toMatchObject({ watch });
  });

  test('leaves out what was not filled in, so that the server says what is missing', () => {
    expect(bodyOf({ ...emptyDraft, name: 'x' })).toMatchObject({ watch: { kind: 'query', of: 'value', is: '<' }, channels: [], labels: {} });
    expect(bodyOf({ ...emptyDraft, name: 'x' })).not.toHaveProperty('watch.query');
  });

  test('does not send JSON that cannot be read', () => {
    expect(() => bodyOf({ ...emptyDraft, query: '{"kind":' })).toThrow(SyntaxError);
  });
});

describe('a fault stands beside', () => {
  const draft = { ...emptyDraft, channels: [{ ...emptyChannel }, { ...emptyChannel, kind: 'email' as const }] };
  test.each([
    ['/name', '/name'],
    ['/watch/threshold', '/watch/threshold'],
    ['/watch/query/series/0/event', '/watch/query'],
    ['/channels/0/secret', '/channels/0/secret'],
    ['/channels/1/to/0', '/channels/1/to'],
    ['/labels', '/labels'],
    ['/watch/probability', null], // not a field of this kind
    ['/channels', null],
    ['', null],
  ])('%s: %s', (pointer, want) => expect(fieldOf(draft, pointer)).toBe(want));
});

test.each([
  [rule.watch, '“trends purchase last 1h” < 10'],
  [{ kind: 'fraud', decisions: ['review', 'block'], min_score: 0 }, 'purchases to review or block'],
  [{ kind: 'incident' }, 'incidents of any severity'],
  [{ kind: 'pipeline', states: ['failing'], lag_seconds: 120 }, 'any stage failing, or later than 2 minutes'],
  [{ kind: 'drift', model: 'churn', threshold: 0.25 }, 'drift of churn above 0.25'],
] as const)('a watch in a line: %o', (watch, want) => expect(watched(watch as unknown as Rule['watch'])).toBe(want));
