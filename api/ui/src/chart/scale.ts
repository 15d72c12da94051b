// The arithmetic of the charts, free of the DOM.

/** The smallest of 1, 2, 4, 5, 10 (times a power of ten) that holds max; at least 1. */
export function ceiling(max: number): number {
  if (!(max > 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  for (const step of [1, 2, 4, 5, 10]) {
    if (step * power >= max) return step * power;
  }
  return 10 * power;
}

/** The axis marks of a chart whose top is `top`: nothing, half, all. */
export function marks(top: number): number[] {
  return top <= 1 ? [0, top] : [0, top / 2, top];
}

/**
 * The mean of each point with the `length - 1` points before it. Points with
 * less history than that are null: a mean of fewer seconds is another number.
 */
export function trailingMean(values: readonly number[], length: number): (number | null)[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value - (i >= length ? values[i - length]! : 0);
    return i >= length - 1 ? sum / length : null;
  });
}

/** Where n bars stand in a width: their step, and the bar's own width in whole pixels where that fits. */
export function bars(n: number, width: number): { step: number; bar: number } {
  const step = n > 0 ? width / n : width;
  const gap = step >= 6 ? 2 : step >= 3 ? 1 : 0;
  return { step, bar: Math.max(step - gap, 0.5) };
}

/** The index of the bar under x, or null outside of the chart. */
export function indexAt(x: number, n: number, width: number): number | null {
  if (n === 0 || x < 0 || x >= width) return null;
  return Math.floor((x / width) * n);
}

/** The width of a bar as a percentage of the largest, 0 to 100. Anything that is not 0 stays visible. */
export function percentOf(value: number, largest: number): number {
  if (!(largest > 0) || !(value > 0)) return 0;
  return Math.max((value / largest) * 100, 0.5);
}
