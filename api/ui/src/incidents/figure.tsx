import { read } from '../api';
import { BarChart } from '../chart/bar-chart';
import { Answered } from '../panels/answered';
import { useAnswer } from '../use-answer';
import { chartOf, culpritOf, type Incident, inUnit, type Point } from './incident';

/** The figure of an incident by windows, with its usual band. */
export function Figure({ incident, zone }: { incident: Incident; zone: string }) {
  const path = `v1/anomalies/${encodeURIComponent(incident.id)}`;
  const [detail, again] = useAnswer((signal) => read<{ series: Point[] }>(path, signal), [path, incident.end]);
  return (
    <Answered of={detail} onRetry={again}>
      {({ series }) => series.length === 0
        ? <p class="nothing">The events of that time are not stored any more.</p>
        : <Chart incident={incident} points={series} zone={zone} />}
    </Answered>
  );
}

function Chart({ incident, points, zone }: { incident: Incident; points: Point[]; zone: string }) {
  const { bars, band } = chartOf(incident, points, zone);
  const { unit, window } = incident;
  const of = incident.breakdown === null ? '' : `, ${culpritOf(incident)}`;
  return (
    <BarChart
      bars={bars}
      band={band}
      label={`${incident.measure}${of}, by ${window}`}
      ends={[bars[0]?.name ?? '', bars.at(-1)?.name ?? '']}
      formatValue={(n) => inUnit(incident, unit === 'share' ? n / 100 : n)}
      legend={{ bars: `by ${window}${of}`, marked: 'incident', band: `usual${unit === 'share' ? ', %' : ''}` }}
    />
  );
}
