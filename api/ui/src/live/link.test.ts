import { describe, expect, test } from 'vitest';

import { exampleFigures } from './example';
import { advance, firstLink, type Link, PATIENCE, type Signal, statusOf } from './link';

const half = 0.5; // the middle of the spread: pauses are exactly as named

/** Applies signals one after the other, each [milliseconds, signal]. */
function play(...signals: [number, Signal['kind']][]): Link {
  return signals.reduce<Link>((link, [now, kind]) => {
    return advance(link, signalOf(kind), now, half);
  }, firstLink(0));
}

function signalOf(kind: Signal['kind']): Signal {
  switch (kind) {
    case 'lost':
      return { kind, reason: 'it is gone' };
    case 'problem':
      return { kind, detail: 'the store does not answer' };
    default:
      return { kind };
  }
}

describe('the link', () => {
  test('connects, opens, and keeps the time it last heard something', () => {
    expect(play([100, 'opened'], [1100, 'figures'], [1500, 'heard'])).toEqual({
      phase: 'open', attempt: 0, heardAt: 1500, figuresAt: 1100, problem: '',
    });
  });

  test('waits after a loss and then tries again', () => {
    const lost = play([100, 'opened'], [1100, 'figures'], [1200, 'lost']);
    expect(lost).toEqual({ phase: 'waiting', attempt: 1, retryAt: 1700, reason: 'it is gone' });
    expect(advance(lost, { kind: 'tick' }, 1699, half)).toBe(lost);
    expect(advance(lost, { kind: 'tick' }, 1700, half)).toEqual({ phase: 'connecting', attempt: 1, since: 1700 });
  });

  test('doubles its pauses up to the longest', () => {
    const pauses: number[] = [];
    let link = firstLink(0);
    for (let i = 0; i < 8; i++) {
      link = advance(link, { kind: 'lost', reason: 'it is gone' }, 0, half);
      if (link.phase === 'waiting') pauses.push(link.retryAt);
      link = advance(link, { kind: 'nudge' }, 0, half);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test('spreads the tries of many pages', () => {
    const at = (random: number) => advance(firstLink(0), { kind: 'lost', reason: '' }, 0, random);
    expect(at(0)).toMatchObject({ retryAt: 375 });
    expect(at(0.999)).toMatchObject({ retryAt: 624.75 });
  });

  test('waits at least as long as the server asks', () => {
    const link = advance(firstLink(0), { kind: 'lost', reason: 'the server answered 503', retryAfterMs: 30_000 }, 1000, half);
    expect(link).toMatchObject({ phase: 'waiting', retryAt: 31_000 });
  });

  test('an open connection alone does not end the count of failed tries, a message does', () => {
    const opened = play([0, 'lost'], [500, 'tick'], [600, 'opened']);
    expect(opened.attempt).toBe(1);
    expect(advance(opened, { kind: 'figures' }, 700, half).attempt).toBe(0);
  });

  test('gives up on a request that is not answered and on a stream that is silent', () => {
    expect(play([PATIENCE.connect - 1, 'tick']).phase).toBe('connecting');
    expect(play([PATIENCE.connect, 'tick']).phase).toBe('waiting');
    expect(play([0, 'figures'], [PATIENCE.dead - 1, 'tick']).phase).toBe('open');
    expect(play([0, 'figures'], [PATIENCE.dead, 'tick']).phase).toBe('waiting');
    expect(play([0, 'figures'], [15_000, 'heard'], [PATIENCE.dead, 'tick']).phase).toBe('open');
  });

  test('a nudge ends a pause and disturbs nothing else', () => {
    expect(play([0, 'lost'], [10, 'nudge']).phase).toBe('connecting');
    const open = play([0, 'figures']);
    expect(advance(open, { kind: 'nudge' }, 10, half)).toBe(open);
  });
});

describe('the reader is told', () => {
  const open: Link = { phase: 'open', attempt: 0, heardAt: 0, figuresAt: 0, problem: '' };

  test('nothing alarming while the first figures are awaited', () => {
    expect(statusOf(firstLink(0), null, 0).state).toBe('connecting');
    expect(statusOf(open, null, 0).state).toBe('connecting');
  });

  test('live, while figures come and storing keeps up', () => {
    expect(statusOf(open, exampleFigures(), 1000)).toEqual({ state: 'live', note: '' });
  });

  test('when the next try is', () => {
    const waiting: Link = { phase: 'waiting', attempt: 3, retryAt: 4200, reason: 'the server cannot be reached' };
    expect(statusOf(waiting, exampleFigures(), 1000)).toEqual({
      state: 'reconnecting', note: 'the server cannot be reached, next try in 4 s',
    });
    expect(statusOf({ phase: 'connecting', attempt: 3, since: 0 }, null, 0)).toEqual({ state: 'reconnecting', note: 'trying now' });
  });

  test('that no figures come over an open connection', () => {
    expect(statusOf({ ...open, heardAt: 5000 }, exampleFigures(), 6000)).toEqual({ state: 'stalled', note: 'no figures for 6 s' });
  });

  test('why the server has no figures, until it has some', () => {
    const stuck = play([0, 'figures'], [1000, 'problem'], [2000, 'problem']);
    expect(statusOf(stuck, exampleFigures(), 2000)).toEqual({ state: 'stalled', note: 'the store does not answer' });
    const better = advance(stuck, { kind: 'figures' }, 3000, half);
    expect(statusOf(better, exampleFigures(), 3000).state).toBe('live');
  });

  test('that the store does not follow the broker, by the clock of the server', () => {
    const figures = exampleFigures({ storedUntil: new Date('2026-01-02T03:03:10Z'), lagRecords: 9 });
    expect(statusOf(open, figures, 0)).toEqual({ state: 'stalled', note: 'storing is 60 s behind' });
    expect(statusOf(open, { ...figures, lagRecords: 0 }, 0).state).toBe('live');
  });
});
