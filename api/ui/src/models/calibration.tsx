import { f } from '../format';
import type { Bin } from './model';

const size = 100;

/** Predicted beside observed, a point for each tenth of the users; on the line they are the same. */
export function CalibrationChart({ bins }: { bins: Bin[] }) {
  const x = (p: number) => p * size;
  const y = (p: number) => size - p * size;
  return (
    <figure class="calibration-chart">
      <svg viewBox={`-2 -2 ${size + 4} ${size + 4}`} role="img" aria-label="Predicted and observed shares; the table below has the figures">
        <path class="frame" d={`M0 0V${size}H${size}`} />
        <path class="same" d={`M0 ${size}L${size} 0`} />
        <polyline class="curve" points={bins.map((bin) => `${x(bin.predicted)},${y(bin.observed)}`).join(' ')} />
        {bins.map((bin) => <circle key={bin.predicted} class="point" cx={x(bin.predicted)} cy={y(bin.observed)} r={1.6} />)}
      </svg>
      <figcaption class="about">across: predicted, 0 to 100%; up: observed</figcaption>
      <details>
        <summary>As a table</summary>
        <table>
          <thead>
            <tr><th scope="col">Predicted</th><th scope="col" class="number">Observed</th><th scope="col" class="number">Users</th></tr>
          </thead>
          <tbody>
            {bins.map((bin) => (
              <tr key={bin.predicted}>
                <th scope="row">{f.share(bin.predicted, 1)}</th><td class="number">{f.share(bin.observed, 1)}</td><td class="number">{f.count(bin.users)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}
