import { percentOf } from '../chart/scale';
import { f } from '../format';
import { Panel } from '../panels/panel';
import { Scroll } from '../panels/scroll';
import { CalibrationChart } from './calibration';
import type { ChurnMetrics, Metrics } from './model';

/** How good a version of the churn model was on dates that it had not seen. */
export function ChurnReport({ metrics, version }: { metrics: ChurnMetrics; version: number }) {
  const { test, train } = metrics;
  return (
    <>
      <Panel name="quality" title={`How good version ${version} is`} about="on the newest dates, which it had not seen">
        <Against metrics={metrics} />
        <p class="about">
          Learnt from {f.plural(train.examples, 'example', 'examples')} at {f.plural(train.dates, 'date', 'dates')}, measured
          on {f.plural(test.examples, 'example', 'examples')} at {f.plural(test.dates, 'date', 'dates')} from {day(test.from)} to {day(test.until)};{' '}
          {f.share(test.churn_rate, 1)} of them stayed away.
        </p>
      </Panel>
      <Panel name="calibration" title="Calibration" about={`off by ${f.measure(metrics.calibration_error)} in the mean`}>
        <CalibrationChart bins={metrics.calibration} />
      </Panel>
      <Panel name="lift" title="Lift" about="tenths of the users, the most endangered first">
        <LiftBars lift={metrics.lift} />
      </Panel>
    </>
  );
}

function Against({ metrics }: { metrics: ChurnMetrics }) {
  const rows: { name: string; of: Metrics; own?: boolean }[] = [
    { name: 'this model', of: metrics.metrics, own: true },
    ...metrics.baselines.map((baseline) => ({ name: baseline.name, of: baseline.metrics })),
    ...(metrics.recent === undefined ? [] : [{ name: 'this model, on users active within 7 days', of: metrics.recent }]),
  ];
  return (
    <Scroll label="Beside simpler ways">
      <table>
        <thead>
          <tr>
            <th scope="col">Beside simpler ways</th>
            <th scope="col" class="number"><abbr title="Area under the ROC curve: more is better, 0.5 is chance">AUC</abbr></th>
            <th scope="col" class="number"><abbr title="Area under the curve of precision over recall: more is better">PR-AUC</abbr></th>
            <th scope="col" class="number"><abbr title="Less is better">Log loss</abbr></th>
            <th scope="col" class="number"><abbr title="Mean squared error of the probability: less is better">Brier</abbr></th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, of, own }) => (
            <tr key={name} class={own === true ? 'own' : undefined} data-testid={own === true ? 'own-metrics' : undefined}>
              <th scope="row">{name}</th>
              <td class="number">{f.measure(of.auc)}</td>
              <td class="number">{f.measure(of.pr_auc)}</td>
              <td class="number">{f.measure(of.log_loss)}</td>
              <td class="number">{f.measure(of.brier)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function LiftBars({ lift }: { lift: ChurnMetrics['lift'] }) {
  const largest = Math.max(...lift.map((tenth) => tenth.lift));
  return (
    <ol class="bars">
      {lift.map((tenth) => (
        <li key={tenth.decile}>
          <div class="behind" style={{ width: `${percentOf(tenth.lift, largest)}%` }} aria-hidden="true" />
          <span>{tenth.decile}. <span class="about">{f.share(tenth.churn_rate, 1)} left, {f.share(tenth.captured, 1)} of all so far</span></span>
          <span class="number">{f.measure(tenth.lift)}×</span>
        </li>
      ))}
    </ol>
  );
}

const day = (time: string) => f.bucket(new Date(time), 'day', 'UTC');
