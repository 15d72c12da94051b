import { describe, expect, test } from 'vitest';

import { body, fault, type Question, readAnswer } from './query';

const question: Question = { event: 'purchase', measure: 'total', interval: 'day', days: 30, timezone: 'Asia/Kolkata' };

describe('the question', () => {
  test('is a query of the contract', () => {
    expect(body(question)).toEqual({
      kind: 'trends', from: '-30d', to: 'now', timezone: 'Asia/Kolkata', interval: 'day',
      series: [{ name: 'A', event: 'purchase', measure: 'total' }],
    });
  });

  test('means any event where none is named, and names the property of a sum', () => {
    expect(body({ ...question, event: '', measure: 'sum' })).toMatchObject({
      series: [{ event: null, measure: 'sum', property: 'amount' }],
    });
  });

  test('is not sent where its answer could not be read', () => {
    expect(fault(question)).toBeNull();
    expect(fault({ ...question, days: 0 })).toBe('Choose a whole number of days, 1 or more.');
    expect(fault({ ...question, days: 1.5 })).toBe('Choose a whole number of days, 1 or more.');
    expect(fault({ ...question, interval: 'minute' })).toBe('That makes 43200 bars: ask by day, or for fewer days.');
    expect(fault({ ...question, interval: 'month', days: 100_000 })).toBe('That makes 3334 bars: ask for fewer days.');
  });
});

test('an answer is read, money as decimal strings and values that are not there', () => {
  const answer = readAnswer(question, {
    result: {
      buckets: ['2026-01-01T18:30:00Z', '2026-01-02T18:30:00Z'],
      series: [{ values: ['12.50', null], total: '12.50' }],
    },
    meta: { stored_until: null, rows_read: 3, bytes_read: 100, elapsed_ms: 1.5, warnings: null },
  });
  expect(answer.values).toEqual([12.5, null]);
  expect(answer.total).toBe(12.5);
  expect(answer.buckets[1]).toEqual(new Date('2026-01-02T18:30:00Z'));
  expect(answer.meta).toEqual({ storedUntil: null, rowsRead: 3, bytesRead: 100, elapsedMs: 1.5, warnings: [] });
});
