import { f, NOTHING } from '../format';
import type { Figures } from '../live/figures';
import type { State, Status } from '../live/link';

interface Props {
  status: Status;
  figures: Figures | null;
  now: number;
  onRetry(): void;
}

const words: Record<State, string> = {
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  stalled: 'Stalled',
};

/** How the page stands: is it live, and how complete are the numbers. */
export function Standing({ status, figures, now, onRetry }: Props) {
  return (
    <section class="standing" aria-label="State of the figures">
      <p class="state">
        <span class="dot" aria-hidden="true" />
        <strong data-testid="state">{words[status.state]}</strong>
        {status.note !== '' && <span class="note">{status.note}</span>}
        {status.state === 'reconnecting' && (
          <button type="button" class="quiet" onClick={onRetry}>Try now</button>
        )}
      </p>
      <p class="complete">
        <Complete figures={figures} now={now} />
      </p>
      {/* Spoken when the state changes, not with every second of a countdown. */}
      <p class="unseen" role="status">{status.state === 'connecting' ? '' : `The figures are ${words[status.state].toLowerCase()}.`}</p>
    </section>
  );
}

function Complete({ figures, now }: { figures: Figures | null; now: number }) {
  if (figures === null) return <>stored until {NOTHING}, lag {NOTHING}</>;
  const { storedUntil, lagRecords } = figures;
  return (
    <>
      stored until{' '}
      {storedUntil === null
        ? NOTHING
        : <time dateTime={storedUntil.toISOString()} data-testid="stored-until">{f.clock(storedUntil, new Date(now))}</time>}
      , lag <span data-testid="lag">{f.plural(lagRecords, 'record', 'records')}</span>
    </>
  );
}
