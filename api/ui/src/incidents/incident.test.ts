import { describe, expect, test } from 'vitest';

import { f } from '../format';
import { againstUsual, chartOf, culpritOf, type Incident, lengthOf, type Point } from './incident';

const incident: Incident = {
  id: 'an_1', start: '2024-04-09T00:00:00Z', first_seen: '2024-04-10T00:00:00Z', end: '2024-04-10T23:59:59.999Z', detected_at: '2024-04-20T00:00:00Z',
  ongoing: false, severity: 'high', measure: 'share of users with checkout_bug', measures: ['share of users with checkout_bug'], unit: 'share', window: 'day',
  expected: { value: 0.01, low: 0, high: 0.02 }, seen: 0.2, evidence: 106, breakdown: { property: 'platform', value: 'mobile', share: 1 },
};

test('an incident in words', () => {
  expect(lengthOf(incident)).toBe('2 days');
  expect(lengthOf({ ...incident, window: 'hour', end: '2024-04-09T00:59:59.999Z' })).toBe('1 hour');
  expect(againstUsual(incident)).toBe('20 times the usual');
  expect(againstUsual({ ...incident, seen: 0.005 })).toBe(`${f.share(0.5, 1)} of the usual`);
  expect(againstUsual({ ...incident, expected: { value: 0, low: 0, high: 0 } })).toBe('usually there is none');
});

test('what explains it, also where that is nothing', () => {
  expect(culpritOf(incident)).toBe('platform = mobile');
  expect(culpritOf({ ...incident, breakdown: { property: 'country', value: '', share: 1 } })).toBe('country = (none)');
  expect(culpritOf({ ...incident, breakdown: null })).toBe('');
});

describe('the chart', () => {
  const point = (at: string, seen: number | null): Point => ({ at, seen, expected: 0.01, low: 0, high: 0.02 });
  const points = [point('2024-04-08T00:00:00Z', null), point('2024-04-09T00:00:00Z', 0.1), { ...point('2024-04-10T00:00:00Z', 0.25), low: null }, point('2024-04-11T00:00:00Z', 0)];

  test('marks the windows of the incident, and has nothing where nobody was there', () => {
    const { bars, band } = chartOf(incident, points, 'UTC');
    expect(bars.map((bar) => bar.value)).toEqual([null, 10, 25, 0]);
    expect(bars.map((bar) => bar.marked)).toEqual([false, true, true, false]);
    expect(band).toEqual([{ low: 0, high: 2 }, { low: 0, high: 2 }, null, { low: 0, high: 2 }]);
  });

  test('leaves counts as they are', () => {
    const { bars, band } = chartOf({ ...incident, unit: 'count' }, [{ ...point('2024-04-09T00:00:00Z', 120), high: 300 }], 'UTC');
    expect(bars[0]?.value).toBe(120);
    expect(band).toEqual([{ low: 0, high: 300 }]);
  });
});
