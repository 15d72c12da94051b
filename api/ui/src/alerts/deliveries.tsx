import { read } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Time } from '../panels/facts';
import { useAnswer, useEvery } from '../use-answer';

/** One message for one channel, and how that went. */
interface Delivery {
  id: string;
  channel: string;
  kind: string;
  event: string;
  state: 'waiting' | 'delivered' | 'dead';
  body: string;
  created_at: string;
  next_at: string | null;
  delivered_at: string | null;
  attempts: number;
  last_fault?: string;
  log: { attempt: number; at: string; elapsed_ms: number; fault: string }[];
}

/** What channels were told, of a rule or of an alert. While something waits, it is looked at again. */
export function Deliveries({ path, renewed = 0 }: { path: string; renewed?: number }) {
  const [list, again] = useAnswer((signal) => read<{ deliveries: Delivery[] }>(path, signal), [path, renewed]);
  const waiting = list.state === 'there' && list.value.deliveries.some((delivery) => delivery.state === 'waiting');
  useEvery(2000, waiting, again);
  return (
    <Answered of={list} onRetry={again}>
      {({ deliveries }) => deliveries.length === 0
        ? <p class="nothing">Nothing was told yet.</p>
        : <ol class="deliveries" data-testid="deliveries">{deliveries.map((delivery) => <One key={delivery.id} delivery={delivery} />)}</ol>}
    </Answered>
  );
}

function One({ delivery }: { delivery: Delivery }) {
  const now = new Date();
  const at = (time: string) => <Time at={time}>{f.clock(new Date(time), now)}</Time>;
  return (
    <li>
      <p>
        <span class={`chip ${delivery.state}`}>{delivery.state}</span> {delivery.event.replace('alert.', '')} to <strong>{delivery.channel}</strong>{' '}
        <span class="about">
          {delivery.kind}, {f.plural(delivery.attempts, 'attempt', 'attempts')}
          {delivery.delivered_at !== null && <>, arrived {at(delivery.delivered_at)}</>}
          {delivery.state === 'waiting' && delivery.next_at !== null && <>, next {at(delivery.next_at)}</>}
        </span>
      </p>
      {delivery.last_fault !== undefined && delivery.state !== 'delivered' && <p class="fault">{delivery.last_fault}</p>}
      <details>
        <summary>Attempts and message</summary>
        <ol class="about">
          {delivery.log.map((entry) => (
            <li key={entry.attempt}>{entry.attempt}. {at(entry.at)}, {f.elapsed(entry.elapsed_ms)}: {entry.fault === '' ? 'taken' : entry.fault}</li>
          ))}
        </ol>
        <pre class="json" tabIndex={0} role="region" aria-label="Message">{delivery.body}</pre>
      </details>
    </li>
  );
}
