import type { Paged } from '../use-pages';
import { Trouble } from './answered';

/** The button that reads further back, where there is more. */
export function Older<Item>({ of, what }: { of: Paged<Item>; what: string }) {
  return (
    <>
      {of.fault !== null && <Trouble error={of.fault} />}
      {of.more !== null && <button type="button" class="quiet" onClick={of.more}>Older {what}</button>}
    </>
  );
}
