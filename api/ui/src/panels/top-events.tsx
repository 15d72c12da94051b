import { percentOf } from '../chart/scale';
import { f } from '../format';
import type { Figures } from '../live/figures';
import { windowOf } from './funnel';
import { Panel } from './panel';

/** The ten most frequent event types. */
export function TopEvents({ figures }: { figures: Figures | null }) {
  const rows = figures?.topEvents ?? [];
  const largest = rows.reduce((max, row) => Math.max(max, row.count), 0);
  return (
    <Panel name="top-events" title="Top events" about={windowOf(figures)}>
      {rows.length === 0
        ? <p class="nothing">No events in this time.</p>
        : (
          <ol class="bars">
            {rows.map((row) => (
              <li key={row.type}>
                <div class="behind" style={{ width: `${percentOf(row.count, largest)}%` }} aria-hidden="true" />
                <span class="name" title={row.type}>{row.type}</span>
                <span class="number">{f.count(row.count)}</span>
              </li>
            ))}
          </ol>
        )}
    </Panel>
  );
}
