import { f } from '../format';
import type { Figures } from '../live/figures';
import { windowOf } from './funnel';
import { Panel } from './panel';

/**
 * Revenue, one row for each currency. No bars: amounts of different currencies
 * cannot be compared by their digits.
 */
export function Revenue({ figures }: { figures: Figures | null }) {
  const rows = figures?.revenue ?? [];
  return (
    <Panel name="revenue" title="Revenue" about={windowOf(figures)}>
      {rows.length === 0
        ? <p class="nothing">No purchases in this time.</p>
        : (
          <table>
            <thead>
              <tr>
                <th scope="col">Currency</th>
                <th scope="col" class="number">Revenue</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.currency}>
                  <th scope="row">
                    {row.currency === '' ? '(none)' : row.currency}{' '}
                    <span class="about">{f.plural(row.orders, 'order', 'orders')}</span>
                  </th>
                  <td class="number">{f.money(row.amount, row.currency)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
    </Panel>
  );
}
