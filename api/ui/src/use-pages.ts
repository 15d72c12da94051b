import { useEffect, useRef, useState } from 'preact/hooks';

import type { Answer } from './use-answer';

/** A list that comes in pages, as far as it was read. */
export interface Paged<Item> {
  answer: Answer<Item[]>;
  /** Reads from the beginning again; what is shown stays until the answer is there. */
  again(): void;
  /** Reads the next page; null on the last. */
  more: (() => void) | null;
  /** Why the next page did not come; null where nothing went wrong. */
  fault: unknown;
}

/**
 * Reads the first page when the component appears and whenever `keys` change, and
 * the others one by one. Several pages read again become one.
 */
export function usePages<Page extends { next_cursor: string | null }, Item>(
  ask: (cursor: string | null, signal: AbortSignal) => Promise<Page>,
  itemsOf: (page: Page) => Item[],
  keys: unknown[],
): Paged<Item> {
  const [answer, setAnswer] = useState<Answer<Item[]>>({ state: 'waiting' });
  const [cursor, setCursor] = useState<string | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const under = useRef(new AbortController());

  const load = async (from: string | null, before: Item[]) => {
    under.current.abort(); // only what was asked for last is of interest
    const own = under.current = new AbortController();
    try {
      const page = await ask(from, own.signal);
      if (own.signal.aborted) return;
      setAnswer({ state: 'there', value: [...before, ...itemsOf(page)] });
      setCursor(page.next_cursor);
      setFault(null);
    } catch (error) {
      if (own.signal.aborted) return;
      if (from === null) setAnswer({ state: 'refused', error });
      else setFault(error);
    }
  };

  useEffect(() => {
    setAnswer({ state: 'waiting' });
    setCursor(null);
    void load(null, []);
    return () => under.current.abort();
  }, keys);

  const seen = answer.state === 'there' ? answer.value : [];
  return { answer, again: () => void load(null, []), more: cursor === null ? null : () => void load(cursor, seen), fault };
}
