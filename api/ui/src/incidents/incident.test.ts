import { describe, expect, test } from 'vitest';

import { f } from '../format';
import { againstUsual, daysOf, type Incident, nearest, question, seriesOf } from './incident';

const incident: Incident = {
  id: 'an_1', start: '2024-04-09T00:00:00Z', first_seen: '2024-04-13T00:00:00Z', end: '2024-04-14T23:59:59.999Z', detected_at: '2024-04-20T00:00:00Z',
  ongoing: false, severity: 'high', measure: 'share of users with checkout_bug', measures: ['share of users with checkout_bug'], unit: 'share',
  expected: { value: 0.01, low: 0, high: 0.02 }, seen: 0.2, evidence: 106, breakdown: { property: 'platform', value: 'mo"bile', share: 1 },
};
const later = new Date('2026-01-01T12:00:00Z');

describe('the question for a figure', () => {
  test('is about the days around the incident, of all or of the value that explains it', () => {
    expect(question(incident, false, later)).toEqual({
      kind: 'trends', timezone: 'UTC', interval: 'day', from: '2024-03-10T00:00:00.000Z', to: '2024-04-22T00:00:00.000Z',
      series: [{ name: 'A', event: null, measure: 'users' }, { name: 'B', event: 'checkout_bug', measure: 'users' }],
    });
    expect(question(incident, true, later)).toMatchObject({ where: 'platform = "mo\\"bile"' });
  });

  test('leaves out the day under way', () => {
    expect(question(incident, false, new Date('2024-04-15T13:00:00Z'))).toMatchObject({ to: '2024-04-15T00:00:00.000Z' });
  });

  test('adds money up in one currency', () => {
    const asked = question({ ...incident, measure: 'revenue in USD', breakdown: null }, false, later);
    expect(asked).toMatchObject({ series: [{ event: 'purchase', measure: 'sum', property: 'amount' }], where: 'currency = "USD"' });
  });

  test('is none for a conversion, which no single question tells', () => {
    expect(question({ ...incident, measure: 'conversion from cart to purchase' }, false, later)).toBeNull();
  });
});

describe('the series', () => {
  const wire = (second: (number | null)[]) => ({
    result: { buckets: ['2024-04-12T00:00:00Z', '2024-04-13T00:00:00Z', '2024-04-14T00:00:00Z'], series: [{ values: [10, 0, 20] }, { values: second }] },
  });
  test('is a percentage by day, nothing where nobody was there, and the whole over the incident', () => {
    const series = seriesOf(incident, wire([1, 0, 5]), '');
    expect(series.values).toEqual([10, null, 25]);
    expect(series.during).toBe(0.25);
  });

  test('is that whose figure was seen', () => {
    const all = seriesOf(incident, wire([1, 0, 1]), 'all');
    const mobile = seriesOf(incident, wire([1, 0, 4]), 'mobile');
    expect(nearest(incident, [all, mobile])?.of).toBe('mobile');
    expect(nearest(incident, [])).toBeUndefined();
  });
});

test('an incident in words', () => {
  expect(daysOf(incident)).toBe(6);
  expect(againstUsual(incident)).toBe('20 times the usual');
  expect(againstUsual({ ...incident, seen: 0.005 })).toBe(`${f.share(0.5, 1)} of the usual`);
  expect(againstUsual({ ...incident, expected: { value: 0, low: 0, high: 0 } })).toBe('usually there is none');
});
