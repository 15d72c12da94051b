import { expect, test } from 'vitest';

import { f, NOTHING } from '../format';
import { amounts, expected, featureName } from './user';

test('amounts of different currencies stand beside each other', () => {
  expect(amounts({})).toBe(NOTHING);
  expect(amounts({ USD: '12.5', EUR: '9007199254740993.25' })).toBe(`${f.money('9007199254740993.25', 'EUR')}, ${f.money('12.5', 'USD')}`);
});

test.each([
  ['views_7d', 'views in 7 days'],
  ['days_since_last_event', 'days since last event'],
  ['silence_in_usual_gaps', 'silence in usual gaps'],
  ['events', 'events'],
])('the feature %s reads %s', (feature, want) => expect(featureName(feature)).toBe(want));

test('what a model does not know is a dash', () => {
  expect(expected(null, 'USD')).toBe(NOTHING);
  expect(expected(2.392, 'USD')).toBe(f.money('2.39', 'USD'));
});
