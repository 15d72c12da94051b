import { useCallback, useEffect, useState } from 'preact/hooks';

/** Where an answer of the server stands. An old value stays while it is asked for again. */
export type Answer<T> =
  | { state: 'waiting' }
  | { state: 'there'; value: T }
  | { state: 'refused'; error: unknown };

/**
 * Asks when the component appears and whenever `keys` change; what was under way
 * is given up. The function returned asks again and leaves the old answer in
 * place until the new one is there.
 */
export function useAnswer<T>(ask: (signal: AbortSignal) => Promise<T>, keys: unknown[]): [Answer<T>, () => void] {
  const [answer, setAnswer] = useState<Answer<T>>({ state: 'waiting' });
  const [again, setAgain] = useState(0);
  useEffect(() => setAnswer({ state: 'waiting' }), keys);
  useEffect(() => {
    const own = new AbortController();
    ask(own.signal).then(
      (value) => !own.signal.aborted && setAnswer({ state: 'there', value }),
      (error: unknown) => !own.signal.aborted && setAnswer({ state: 'refused', error }),
    );
    return () => own.abort();
  }, [...keys, again]);
  return [answer, useCallback(() => setAgain((n) => n + 1), [])];
}

/** Calls `look` every `ms` milliseconds while `active`. */
export function useEvery(ms: number, active: boolean, look: () => void): void {
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(look, ms);
    return () => clearInterval(timer);
  }, [ms, active, look]);
}
