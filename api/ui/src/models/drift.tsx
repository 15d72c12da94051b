import { percentOf } from '../chart/scale';
import { f } from '../format';
import { Time } from '../panels/facts';
import { Panel } from '../panels/panel';
import { featureName } from '../users/user';
import { type Drift, driftOf, driftRows } from './model';

const first = 8;
/** From here on a bar is full: twice of what is called much. */
const full = 0.5;

/** How far today's users are from those of the training. */
export function DriftTable({ name, drift }: { name: string; drift: Drift | null }) {
  return (
    <Panel name={`drift-${name}`} title="Drift" about="population stability index since the training">
      {drift === null
        ? <p class="nothing">Not measured yet: that happens with the next pass over all users, within a quarter of an hour of a version's first use.</p>
        : <Rows drift={drift} />}
    </Panel>
  );
}

function Rows({ drift }: { drift: Drift }) {
  const rows = driftRows(drift);
  return (
    <>
      <List rows={rows.slice(0, first)} />
      {rows.length > first && (
        <details>
          <summary>{f.plural(rows.length - first, 'feature', 'features')} more</summary>
          <List rows={rows.slice(first)} />
        </details>
      )}
      <p class="about">
        {f.plural(drift.users, 'user', 'users')} at <Time at={drift.as_of}>{f.clock(new Date(drift.as_of), new Date())}</Time>. Below 0.1 little has
        changed, above 0.25 much. In a young shop, tenure and totals drift by themselves.
      </p>
    </>
  );
}

function List({ rows }: { rows: ReturnType<typeof driftRows> }) {
  return (
    <ul class="bars drift">
      {rows.map(({ name, index }) => (
        <li key={name} class={driftOf(index)} data-testid={`drift-${name}`} data-value={index}>
          <div class="behind" style={{ width: `${Math.min(100, percentOf(index, full))}%` }} aria-hidden="true" />
          <span class="name">{name === 'score' ? <strong>score</strong> : featureName(name)}</span>
          <span class="number">{driftOf(index)} <strong>{f.measure(index)}</strong></span>
        </li>
      ))}
    </ul>
  );
}
