import { useState } from 'preact/hooks';

import { read, withParameters } from '../api';
import { Answered } from '../panels/answered';
import { Panel } from '../panels/panel';
import { Older } from '../panels/older';
import { type PurchasePage, Purchases } from './purchases';
import { usePages } from '../use-pages';

const choices = [
  { name: 'review and block', decisions: ['review', 'block'] },
  { name: 'block', decisions: ['block'] },
  { name: 'review', decisions: ['review'] },
  { name: 'all', decisions: ['allow', 'review', 'block'] },
];

/** Purchases that the scoring would rather not let pass. */
export function Fraud() {
  const [chosen, choose] = useState(0);
  const { decisions } = choices[chosen]!;
  const list = usePages<PurchasePage, PurchasePage['purchases'][number]>(
    (cursor, signal) => read(withParameters('v1/fraud', { decision: decisions, limit: 20, cursor }), signal),
    (page) => page.purchases, [chosen],
  );
  return (
    <main id="figures" tabIndex={-1}>
      <Panel name="fraud" title="Purchases to look at" about="judged in the stream, the newest first">
        <label class="inline">
          Decision
          <select name="decision" value={chosen} onChange={(e) => choose(Number(e.currentTarget.value))}>
            {choices.map((choice, i) => <option key={choice.name} value={i}>{choice.name}</option>)}
          </select>
        </label>
        <Answered of={list.answer} onRetry={list.again}>
          {(purchases) => purchases.length === 0
            ? <p class="nothing">No purchase was judged so. Each one is judged within a second of its event, and its reasons stand here.</p>
            : <Purchases purchases={purchases} />}
        </Answered>
        <Older of={list} what="purchases" />
        <p class="about">
          The score orders purchases by how unusual they are, and is no probability. Effects are in log-odds and add up to it. How it works: docs/fraud.md.
        </p>
      </Panel>
    </main>
  );
}
