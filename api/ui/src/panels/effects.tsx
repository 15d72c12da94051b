import { f } from '../format';

export interface Effect {
  name: string;
  /** What it is, beside the name. */
  detail?: string;
  /** What it adds, in log-odds. */
  effect: number;
}

/**
 * What adds up to a score: a bar to the right speaks for it, to the left against
 * it. The number stands beside each bar, so the bar need not be seen.
 */
export function Effects({ effects, label }: { effects: Effect[]; label: string }) {
  const largest = Math.max(...effects.map((e) => Math.abs(e.effect)), 1e-9);
  return (
    <ol class="effects" aria-label={label}>
      {effects.map((e, i) => (
        <li key={i} class={e.effect < 0 ? 'against' : 'for'}>
          <div class="row">
            <span>{e.name}{e.detail !== undefined && <span class="about"> {e.detail}</span>}</span>
            <span class="number">{f.signed(e.effect)}</span>
          </div>
          <div class="lever" aria-hidden="true">
            <div style={{ width: `${(Math.abs(e.effect) / largest) * 50}%` }} />
          </div>
        </li>
      ))}
    </ol>
  );
}
