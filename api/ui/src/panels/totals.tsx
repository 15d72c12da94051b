import { f, NOTHING } from '../format';
import type { Figures } from '../live/figures';
import { Fit } from './fit';

/** The two single numbers beside the rate. */
export function Totals({ figures }: { figures: Figures | null }) {
  const window = figures === null ? NOTHING : `last ${f.span(figures.windowSeconds)}`;
  return (
    <div class="totals">
      <section class="panel total" aria-labelledby="total-title">
        <h2 id="total-title">Events stored</h2>
        <Fit kind="figure" name="events-total" text={figures === null ? NOTHING : f.count(figures.eventsTotal)} value={figures?.eventsTotal} />
        <p class="about">since the beginning</p>
      </section>
      <section class="panel users" aria-labelledby="users-title">
        <h2 id="users-title">Users</h2>
        <Fit kind="figure" name="users" text={figures === null ? NOTHING : f.count(figures.users)} value={figures?.users} />
        <p class="about">{window}</p>
      </section>
    </div>
  );
}
