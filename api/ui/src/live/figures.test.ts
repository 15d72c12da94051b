import { expect, test } from 'vitest';

import { exampleFigures, exampleMessage } from './example';
import { readFigures, secondsBehind } from './figures';

const read = (changes: object) => readFigures(JSON.stringify({ ...exampleMessage, ...changes }));

test('a message is read', () => {
  const figures = read({});
  expect(figures.eventsTotal).toBe(31106);
  expect(figures.series[0]).toEqual({ at: new Date('2026-01-02T03:04:09Z'), events: 12 });
  expect(figures.storedUntil).toEqual(new Date('2026-01-02T03:04:09.500Z'));
  expect(figures.revenue).toEqual([{ currency: 'USD', amount: '123.45', orders: 3 }]);
});

test('stored_until may be unknown, a list may be null, a new field may come', () => {
  expect(read({ stored_until: null }).storedUntil).toBeNull();
  expect(read({ revenue: null }).revenue).toEqual([]);
  expect(read({ more: 1 }).users).toBe(17);
});

test.each([
  [{ events_total: '31106' }, 'events_total is not a number'],
  [{ at: 'yesterday' }, 'at is not a time'],
  [{ funnel: {} }, 'funnel is not a list'],
  [{ top_events: [1] }, 'top_events[0] is not an object'],
  [{ revenue: [{ currency: 'USD', amount: 1, orders: 1 }] }, 'amount is not text'],
])('%j is refused: %s', (changes, want) => expect(() => read(changes)).toThrow(want));

test('the delay counts only while records wait', () => {
  const storedUntil = new Date('2026-01-02T03:03:10Z');
  expect(secondsBehind(exampleFigures({ storedUntil, lagRecords: 0 }))).toBe(0);
  expect(secondsBehind(exampleFigures({ storedUntil, lagRecords: 5 }))).toBe(60);
  expect(secondsBehind(exampleFigures({ storedUntil: null, lagRecords: 5 }))).toBe(0);
});
