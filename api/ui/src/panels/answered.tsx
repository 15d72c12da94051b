import type { ComponentChildren } from 'preact';

import { Refusal, sentence } from '../api';
import type { Answer } from '../use-answer';

interface Props<T> {
  of: Answer<T>;
  children(value: T): ComponentChildren;
  /** Asks again; without it there is no button. */
  onRetry?: () => void;
}

/** What an answer says, or that it is waited for, or why there is none. */
export function Answered<T>({ of, children, onRetry }: Props<T>) {
  if (of.state === 'waiting') return <p class="nothing">Loading…</p>;
  if (of.state === 'there') return <>{children(of.value)}</>;
  return <Trouble error={of.error} {...(onRetry === undefined ? {} : { onRetry })} />;
}

/** Why something is not there: what is not there yet in calm words, a fault as one. */
export function Trouble({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const missing = error instanceof Refusal && (error.status === 404 || error.status === 409);
  return (
    <div class="trouble" role={missing ? undefined : 'alert'}>
      <p class={missing ? 'nothing' : 'fault'}>{sentence(error)}</p>
      {!missing && onRetry !== undefined && <button type="button" class="quiet" onClick={onRetry}>Try again</button>}
    </div>
  );
}
