import { useState } from 'preact/hooks';

import { read, withParameters } from '../api';
import { percentOf } from '../chart/scale';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Panel } from '../panels/panel';
import { hrefOf } from '../route';
import { useAnswer } from '../use-answer';
import { featureName } from './user';

interface ChurnList {
  model: { version: number };
  total: number;
  users: { user_id: string; churn_probability: number; reasons: { feature: string; effect: number }[] }[];
}

const shown = 25;

/** Whom the churn model expects to stay away, a way to people whom one does not know by id. */
export function AtRisk() {
  const [min, setMin] = useState('0.5');
  const path = withParameters('v1/churn', { min, limit: shown });
  const [list, again] = useAnswer((signal) => read<ChurnList>(path, signal), [path]);
  const choose = (
    <label class="inline">
      Probability from
      <select name="min" value={min} onChange={(e) => setMin(e.currentTarget.value)}>
        {['0', '0.5', '0.7', '0.8', '0.9'].map((p) => <option key={p} value={p}>{f.share(Number(p), 1)}</option>)}
      </select>
    </label>
  );
  return (
    <Panel name="at-risk" title="Users at risk" about="active lately, by falling probability that they stay away">
      {choose}
      <Answered of={list} onRetry={again}>{(value) => <List list={value} />}</Answered>
    </Panel>
  );
}

function List({ list }: { list: ChurnList }) {
  if (list.users.length === 0) return <p class="nothing">Nobody who was active lately has such a probability. Scores are renewed every quarter of an hour.</p>;
  return (
    <>
      <p class="about" data-testid="at-risk-total">
        {f.plural(list.total, 'user', 'users')}, by version {list.model.version}
        {list.total > list.users.length && `; the first ${f.count(list.users.length)} are shown`}
      </p>
      <ol class="bars">
        {list.users.map((user) => (
          <li key={user.user_id}>
            <div class="behind" style={{ width: `${percentOf(user.churn_probability, 1)}%` }} aria-hidden="true" />
            <span class="name">
              <a href={hrefOf('users', user.user_id)}>{user.user_id}</a>{' '}
              <span class="about">{strongest(user.reasons)}</span>
            </span>
            <span class="number">{f.share(user.churn_probability, 1)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

/** What speaks most for staying away. */
function strongest(reasons: ChurnList['users'][number]['reasons']): string {
  return reasons.filter((r) => r.effect > 0).slice(0, 2).map((r) => featureName(r.feature)).join(', ');
}
