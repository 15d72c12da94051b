import { BarChart, type Bar } from '../chart/bar-chart';
import { trailingMean } from '../chart/scale';
import { f, NOTHING } from '../format';
import type { Figures, Second } from '../live/figures';
import { Fit } from './fit';
import { Panel } from './panel';

/** As many seconds as the server's own mean, so that the line ends at the big number. */
const meanOver = 10;

export function Rate({ figures }: { figures: Figures | null }) {
  const series = figures?.series ?? [];
  return (
    <Panel name="rate" title="Events per second" about="stored, mean of 10 seconds">
      <Fit kind="hero" name="events-per-second" text={figures === null ? NOTHING : f.rate(figures.eventsPerSecond)} value={figures?.eventsPerSecond} />
      <BarChart
        bars={series.map(bar)}
        line={trailingMean(series.map((second) => second.events), meanOver)}
        label="Events stored in each of the last 60 seconds"
        ends={['60 s ago', 'now']}
        formatValue={(n) => f.plural(n, 'event', 'events')}
        legend={{ bars: 'each second', line: 'mean of 10 s' }}
      />
    </Panel>
  );
}

function bar(second: Second): Bar {
  return { key: second.at.getTime(), value: second.events, name: f.clock(second.at, second.at) };
}
