import { describe, expect, test } from 'vitest';

import { formats, NOTHING } from './format';

const british = formats('en-GB', 'UTC');

describe('numbers', () => {
  test('are grouped as the reader groups them', () => {
    expect(british.count(31106)).toBe('31,106');
    expect(formats('de').count(31106)).toBe('31.106');
    expect(formats('en-IN').count(1234567)).toBe('12,34,567');
  });

  test.each([
    [0, '0.0'], [12.34, '12.3'], [99.94, '99.9'], [99.96, '100'], [1234.5, '1,235'],
  ])('a rate of %d is %s', (n, want) => expect(british.rate(n)).toBe(want));

  test('a share of nothing is a dash, not NaN', () => {
    expect(british.share(4, 10)).toBe('40.0%');
    expect(british.share(0, 10)).toBe('0.0%');
    expect(british.share(0, 0)).toBe(NOTHING);
  });

  test('one takes the singular', () => {
    expect(british.plural(1, 'record', 'records')).toBe('1 record');
    expect(british.plural(0, 'record', 'records')).toBe('0 records');
  });

  test('a value that is not there is a dash', () => {
    expect(british.value(null)).toBe(NOTHING);
    expect(british.value(2.345)).toBe('2.35');
    expect(british.value(7)).toBe('7');
  });
});

describe('money', () => {
  test('keeps every digit of the decimal string', () => {
    expect(british.money('9007199254740993.25', 'EUR')).toBe('€9,007,199,254,740,993.25');
  });

  test('follows the currency in its decimals', () => {
    expect(british.money('72756', 'JPY')).toBe('¥72,756');
    expect(british.money('12.5', 'USD')).toBe('$12.50');
  });

  test('takes a currency that nobody knows, or none', () => {
    expect(british.money('12.5', 'points')).toBe('12.50 points');
    expect(british.money('12.5', '')).toBe('12.50');
  });
});

describe('times', () => {
  const now = new Date('2026-01-02T15:00:00Z');

  test("today's is a time of day", () => {
    expect(british.clock(new Date('2026-01-02T03:04:05.678Z'), now)).toBe('03:04:05');
    expect(british.clock(new Date('2026-01-02T00:00:00Z'), now)).toBe('00:00:00');
  });

  test('another day says which', () => {
    expect(british.clock(new Date('2026-01-01T23:59:59Z'), now)).toBe('1 Jan 2026, 23:59:59');
  });

  test('today is a day of the reader, not of UTC', () => {
    const kolkata = formats('en-GB', 'Asia/Kolkata');
    expect(kolkata.clock(new Date('2026-01-01T20:00:00Z'), now)).toBe('01:30:00');
  });

  test('buckets are as fine as their interval, in the zone of the question', () => {
    const at = new Date('2026-01-01T18:30:00Z');
    expect(british.bucket(at, 'day', 'Asia/Kolkata')).toBe('2 Jan 2026');
    expect(british.bucket(at, 'month', 'UTC')).toBe('Jan 2026');
    expect(british.bucket(at, 'hour', 'UTC')).toBe('1 Jan, 18:30');
  });

  test.each([
    [86_400, '24 hours'], [604_800, '7 days'], [172_800, '2 days'], [600, '10 minutes'], [3600, '60 minutes'], [90, '90 seconds'], [1, '1 second'],
  ])('%d s is %s', (seconds, want) => expect(british.span(seconds)).toBe(want));
});

test.each([[0.84, '0.8 ms'], [11.8, '12 ms'], [1440, '1.4 s']])('%d ms of work is %s', (ms, want) =>
  expect(british.elapsed(ms)).toBe(want));

test.each([[0, '0 B'], [999, '999 B'], [1_240_000, '1.2 MB'], [123_400_000, '123 MB'], [5e18, '5,000 PB']])(
  '%d bytes are %s', (n, want) => expect(british.bytes(n)).toBe(want));
