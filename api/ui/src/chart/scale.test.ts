import { expect, test } from 'vitest';

import { bars, ceiling, indexAt, marks, percentOf, trailingMean } from './scale';

test.each([[0, 1], [0.3, 1], [1, 1], [1.2, 2], [3, 4], [4.5, 5], [7, 10], [10, 10], [39, 40], [401, 500], [999_999, 1_000_000], [NaN, 1]])(
  'the top of a chart that holds %d is %d', (max, want) => expect(ceiling(max)).toBe(want));

test('the top always holds the largest value', () => {
  for (let max = 1; max < 1e12; max *= 1.37) {
    expect(ceiling(max)).toBeGreaterThanOrEqual(max);
    expect(ceiling(max)).toBeLessThanOrEqual(max * 2.5);
  }
});

test('marks are whole numbers where events are counted', () => {
  expect(marks(40)).toEqual([0, 20, 40]);
  expect(marks(1)).toEqual([0, 1]);
});

test('a trailing mean waits until it has all of its points', () => {
  expect(trailingMean([3, 6, 9, 0], 3)).toEqual([null, null, 6, 5]);
  expect(trailingMean([], 3)).toEqual([]);
});

test('bars fill the width and keep a gap while there is room', () => {
  expect(bars(60, 600)).toEqual({ step: 10, bar: 8 });
  expect(bars(500, 600).bar).toBeCloseTo(1.2);
  expect(bars(0, 600).step).toBe(600);
});

test('the pointer finds the bar below it', () => {
  expect(indexAt(0, 60, 600)).toBe(0);
  expect(indexAt(599.9, 60, 600)).toBe(59);
  expect(indexAt(600, 60, 600)).toBeNull();
  expect(indexAt(-1, 60, 600)).toBeNull();
  expect(indexAt(5, 0, 600)).toBeNull();
});

test('something small stays visible, nothing does not', () => {
  expect(percentOf(0, 100)).toBe(0);
  expect(percentOf(0, 0)).toBe(0);
  expect(percentOf(1, 1e9)).toBe(0.5);
  expect(percentOf(25, 100)).toBe(25);
});
