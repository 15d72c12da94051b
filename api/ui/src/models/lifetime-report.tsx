import { f } from '../format';
import { Facts } from '../panels/facts';
import { Panel } from '../panels/panel';
import { Scroll } from '../panels/scroll';
import type { LifetimeMetrics } from './model';

/** A version of the models of repeat purchases and spend: its parameters, and a forecast that was held against what came. */
export function LifetimeReport({ metrics, version }: { metrics: LifetimeMetrics; version: number }) {
  const { gamma_gamma: spend, holdout } = metrics;
  return (
    <>
      <Panel name="parameters" title={`Version ${version}`} about={`fitted to the purchases until ${metrics.calibrate_until}`}>
        <Facts
          facts={[
            { name: 'Customers', value: f.count(metrics.customers), test: 'lifetime-customers' },
            { name: 'of whom bought repeatedly', value: f.count(metrics.repeat_customers) },
            { name: 'r', value: f.measure(metrics.r) },
            { name: 'α', value: f.measure(metrics.alpha) },
            { name: 'a', value: f.measure(metrics.a) },
            { name: 'b', value: f.measure(metrics.b) },
            { name: 'Log-likelihood', value: f.value(metrics.log_likelihood) },
            ...(spend === undefined ? [] : [{ name: 'Spend: p, q, γ', value: [spend.p, spend.q, spend.v].map(f.measure).join(', ') }]),
          ]}
        />
        {metrics.at_bounds === true && (
          <p class="warning">The likelihood has no top within bounds: totals of forecasts are of use, the figures of single customers less so.</p>
        )}
      </Panel>
      <Panel name="holdout" title="Forecast beside what came" about={holdout === undefined ? undefined : `${f.value(Math.round(holdout.weeks))} weeks after ${holdout.calibrated_until}`}>
        {holdout === undefined
          ? <p class="nothing">Nothing follows what was fitted to, so there is nothing to compare with.</p>
          : <Forecast holdout={holdout} />}
      </Panel>
    </>
  );
}

function Forecast({ holdout }: { holdout: NonNullable<LifetimeMetrics['holdout']> }) {
  return (
    <>
      <p>
        {f.count(holdout.expected)} days with a purchase were expected, {f.count(holdout.actual)} came.
      </p>
      <Scroll label="By the number of repeat purchases before">
        <table>
          <thead>
            <tr>
              <th scope="col">Repeats before</th><th scope="col" class="number">Customers</th><th scope="col" class="number">Expected each</th><th scope="col" class="number">Came</th>
            </tr>
          </thead>
          <tbody>
            {holdout.by_repeats.map((row, i) => (
              <tr key={row.repeats}>
                <th scope="row">{row.repeats}{i === holdout.by_repeats.length - 1 && ' and more'}</th>
                <td class="number">{f.count(row.customers)}</td>
                <td class="number">{f.measure(row.expected)}</td>
                <td class="number">{f.measure(row.actual)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}
