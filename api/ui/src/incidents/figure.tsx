import { send } from '../api';
import { type Bar, BarChart } from '../chart/bar-chart';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { useAnswer } from '../use-answer';
import { type Incident, nearest, question, type Series, seriesOf, type WireTrends } from './incident';

/** The figure of an incident by day, with its usual band. */
export function Figure({ incident }: { incident: Incident }) {
  const [series, again] = useAnswer((signal) => load(incident, signal), [incident.id, incident.end]);
  return (
    <Answered of={series} onRetry={again}>
      {(found) => found === undefined
        ? <p class="nothing">The figure of this measure cannot be asked for by day.</p>
        : <Chart incident={incident} series={found} />}
    </Answered>
  );
}

/** Asks for everybody's figure, and for that of the value that explains it. */
async function load(incident: Incident, signal: AbortSignal): Promise<Series | undefined> {
  const { breakdown } = incident;
  const named = breakdown === null ? '' : `${breakdown.property} = ${breakdown.value}`;
  const asked = breakdown === null ? [false] : [false, true];
  const all = await Promise.all(asked.map(async (explained) => {
    const body = question(incident, explained, new Date());
    if (body === null) return [];
    return [seriesOf(incident, await send<WireTrends>('POST', 'v1/query', body, signal), explained ? named : '')];
  }));
  return nearest(incident, all.flat());
}

function Chart({ incident, series }: { incident: Incident; series: Series }) {
  const share = incident.unit === 'share';
  const scaled = (n: number) => (share ? 100 * n : n);
  const name = (at: Date) => f.bucket(at, 'day', 'UTC');
  const from = Date.parse(incident.start);
  const bars = series.values.map((value, i): Bar => {
    const at = series.days[i]!;
    return { key: at.getTime(), value, name: name(at), marked: at.getTime() >= from && at.getTime() <= Date.parse(incident.end) };
  });
  const ends: [string, string] = series.days.length === 0 ? ['', ''] : [name(series.days[0]!), name(series.days.at(-1)!)];
  return (
    <BarChart
      bars={bars}
      band={{ low: scaled(incident.expected.low), high: scaled(incident.expected.high) }}
      label={`${incident.measure}${series.of === '' ? '' : `, ${series.of}`}, by day`}
      ends={ends}
      formatValue={(n) => (share ? f.share(n, 100) : f.value(n))}
      legend={{ bars: series.of === '' ? 'by day, all users' : `by day, ${series.of}`, marked: 'incident', band: 'usual' }}
    />
  );
}
