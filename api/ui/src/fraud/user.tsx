import { read, withParameters } from '../api';
import { Answered } from '../panels/answered';
import { Panel } from '../panels/panel';
import { useAnswer } from '../use-answer';
import { type PurchasePage, Purchases } from './purchases';

/** How the last purchases of a user were judged. */
export function UserFraud({ id }: { id: string }) {
  const path = withParameters('v1/fraud', { user: id, decision: ['allow', 'review', 'block'], limit: 5 });
  const [page, again] = useAnswer((signal) => read<PurchasePage>(path, signal), [path]);
  return (
    <Panel name="judged" title="Fraud" about="the last purchases, as they were judged">
      <Answered of={page} onRetry={again}>
        {({ purchases }) => purchases.length === 0
          ? <p class="nothing">No purchase of this user was judged yet.</p>
          : <Purchases purchases={purchases} ofOne />}
      </Answered>
    </Panel>
  );
}
