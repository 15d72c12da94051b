// Numbers and times as people read them. One place, so that a figure looks the
// same wherever it stands.

export const NOTHING = '–';

export interface Formats {
  /** A whole number with grouping: 31,106. */
  count(n: number): string;
  /** Something per second: one decimal below 100, none above. */
  rate(n: number): string;
  /** A short number for an axis: 1.2M. */
  short(n: number): string;
  /** A measured value: whole numbers as they are, others with two decimals. */
  value(n: number | null): string;
  /** part of whole as a percentage, or a dash where whole is 0. */
  share(part: number, whole: number): string;
  /** A decimal string in a currency; an unknown currency is written behind it. */
  money(amount: string, currency: string): string;
  /** The time of day as HH:MM:SS, with the date when it is not today's. */
  clock(at: Date, now: Date): string;
  /** A calendar bucket, as fine as its interval asks for. */
  bucket(at: Date, interval: Interval, timeZone: string): string;
  /** A length of time: 24 hours, 7 days, 90 seconds. */
  span(seconds: number): string;
  /** Milliseconds of work: 0.8 ms, 12 ms, 1.4 s. */
  elapsed(ms: number): string;
  /** What is added: +1.90, −0.35. */
  signed(n: number): string;
  /** A measure between 0 and 1, or a small index: 0.786. */
  measure(n: number): string;
  /** A size in powers of 1000: 1.2 MB. */
  bytes(n: number): string;
  /** n with its noun: 1 record, 2 records. */
  plural(n: number, one: string, many: string): string;
}

export type Interval = 'minute' | '10m' | 'hour' | 'day' | 'week' | 'month';

type Decimal = Intl.StringNumericLiteral;

export function formats(locale?: string, timeZone?: string): Formats {
  const number = (options: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options);
  const whole = number({ maximumFractionDigits: 0 });
  const tenths = number({ minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const hundredths = number({ maximumFractionDigits: 2 });
  const compact = number({ notation: 'compact', maximumFractionDigits: 1 });
  const sign = number({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' });
  const thousandths = number({ minimumFractionDigits: 3, maximumFractionDigits: 3 });
  const percent = number({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const zone = timeZone === undefined ? {} : { timeZone };
  const time = new Intl.DateTimeFormat(locale, {
    hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', ...zone,
  });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', ...zone });

  const count = (n: number) => whole.format(n);
  const plural = (n: number, one: string, many: string) => `${count(n)} ${n === 1 ? one : many}`;

  return {
    count,
    plural,
    rate: (n) => (n < 99.95 ? tenths : whole).format(n),
    short: (n) => compact.format(n),
    value: (n) => (n === null ? NOTHING : hundredths.format(n)),
    share: (part, all) => (all > 0 ? percent.format(part / all) : NOTHING),
    money: (amount, currency) => money(locale, amount, currency),
    clock(at, now) {
      const today = date.format(at) === date.format(now);
      return today ? time.format(at) : `${date.format(at)}, ${time.format(at)}`;
    },
    bucket: (at, interval, bucketZone) =>
      new Intl.DateTimeFormat(locale, { ...bucketParts(interval), timeZone: bucketZone }).format(at),
    span: (seconds) => span(seconds, plural),
    elapsed(ms) {
      if (ms >= 1000) return `${tenths.format(ms / 1000)} s`;
      return `${ms < 10 ? tenths.format(ms) : count(ms)} ms`;
    },
    signed: (n) => sign.format(n),
    measure: (n) => thousandths.format(n),
    bytes: (n) => bytes(n, hundredths),
  };
}

function money(locale: string | undefined, amount: string, currency: string): string {
  // The amount goes in as text: a float would lose the last digits of a large sum.
  const decimal = amount as Decimal;
  try {
    return new Intl.NumberFormat(locale, {
      style: 'currency', currency, currencyDisplay: 'narrowSymbol',
    }).format(decimal);
  } catch {
    const plain = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return currency === '' ? plain.format(decimal) : `${plain.format(decimal)} ${currency}`;
  }
}

function bucketParts(interval: Interval): Intl.DateTimeFormatOptions {
  switch (interval) {
    case 'month':
      return { month: 'short', year: 'numeric' };
    case 'week':
    case 'day':
      return { day: 'numeric', month: 'short', year: 'numeric' };
    default:
      return { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  }
}

const units: readonly [seconds: number, one: string, many: string][] = [
  [86_400, 'day', 'days'],
  [3_600, 'hour', 'hours'],
  [60, 'minute', 'minutes'],
];

function span(seconds: number, plural: Formats['plural']): string {
  // 86,400 s reads better as "24 hours" than as "1 day": a unit is used from two on.
  for (const [size, one, many] of units) {
    if (seconds >= 2 * size && seconds % size === 0) return plural(seconds / size, one, many);
  }
  return plural(seconds, 'second', 'seconds');
}

function bytes(n: number, decimals: Intl.NumberFormat): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let power = 0;
  while (n >= 1000 && power < names.length - 1) {
    n /= 1000;
    power++;
  }
  const digits = n >= 100 || power === 0 ? Math.round(n) : Math.round(n * 10) / 10;
  return `${decimals.format(digits)} ${names[power]}`;
}

/** The reader's own formats. */
export const f = formats();
