import { percentOf } from '../chart/scale';
import { f } from '../format';
import type { Figures } from '../live/figures';
import { Panel } from './panel';

/** How many users go from the first step to the last, in this order. */
export function Funnel({ figures }: { figures: Figures | null }) {
  const steps = figures?.funnel ?? [];
  const first = steps[0];
  const last = steps.at(-1);
  return (
    <Panel name="funnel" title="Funnel" about={`users, ${windowOf(figures)}`}>
      <ol class="steps">
        {steps.map((step, i) => (
          <li key={step.event}>
            {i > 0 && <p class="rate-of">{f.share(step.users, steps[i - 1]!.users)} go on</p>}
            <div class="row">
              <span class="name">{step.event}</span>
              <span class="number" data-testid={`funnel-${i + 1}`}>{f.count(step.users)}</span>
            </div>
            <Track percent={percentOf(step.users, first?.users ?? 0)} />
          </li>
        ))}
      </ol>
      {steps.length === 0 && <p class="nothing">Waiting for the first figures.</p>}
      {first !== undefined && last !== undefined && first.users > 0 && (
        <p class="sum">
          <strong>{f.share(last.users, first.users)}</strong> get from {first.event} to {last.event}
        </p>
      )}
    </Panel>
  );
}

/** A bar that repeats a number which stands beside it in text. */
export function Track({ percent }: { percent: number }) {
  return (
    <div class="track" aria-hidden="true">
      <div class="fill" style={{ width: `${percent}%` }} />
    </div>
  );
}

export function windowOf(figures: Figures | null): string {
  return figures === null ? 'by event time' : `last ${f.span(figures.windowSeconds)}`;
}
