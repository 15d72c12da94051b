import { describe, expect, test } from 'vitest';

import { driftOf, driftRows, isChurn, isLifetime, type Model, titleOf, versionOf } from './model';

test.each([[0, 'little'], [0.0999, 'little'], [0.1, 'some'], [0.25, 'some'], [0.251, 'much'], [4, 'much']] as const)(
  'a stability index of %d is %s', (index, want) => expect(driftOf(index)).toBe(want));

test('drift lists the score, then what has moved most', () => {
  const drift = { as_of: '', users: 1, score: 0.01, features: { views: 0.2, events: 0.3, logins: 0 } };
  expect(driftRows(drift).map((row) => row.name)).toEqual(['score', 'events', 'views', 'logins']);
});

describe('the version of a page', () => {
  const version = { current: false, created_at: '', trained_from: '', trained_until: '', code_version: '', promoted_at: null };
  const model: Model = { name: 'churn', current: 2, training: { state: 'idle' }, versions: [3, 2, 1].map((n) => ({ ...version, version: n })) };
  test('is the one that the address names, else the one in use, else the newest', () => {
    expect(versionOf(model, 1)).toBe(1);
    expect(versionOf(model, null)).toBe(2);
    expect(versionOf({ ...model, current: null }, null)).toBe(3);
    expect(versionOf({ ...model, current: null, versions: [] }, null)).toBeNull();
  });
});

test('metrics of a model that is not known here are neither', () => {
  for (const metrics of [null, 1, {}, { precision: 0.7 }]) {
    expect(isChurn(metrics)).toBe(false);
    expect(isLifetime(metrics)).toBe(false);
  }
  expect(titleOf('fraud')).toBe('fraud');
});
