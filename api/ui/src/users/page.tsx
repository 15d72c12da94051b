import { read } from '../api';
import { UserFraud } from '../fraud/user';
import { Answered } from '../panels/answered';
import { useAnswer } from '../use-answer';
import { AtRisk } from './at-risk';
import { Bought, Left, WhichToTrust } from './churn';
import { Find } from './find';
import { Statistics } from './statistics';
import { Timeline } from './timeline';
import type { User } from './user';

/** One user, or, while none is named, those at risk. */
export function Users({ id }: { id: string | null }) {
  return (
    <main id="figures" tabIndex={-1}>
      <Find id={id} />
      {id === null ? <AtRisk /> : <One key={id} id={id} />}
    </main>
  );
}

function One({ id }: { id: string }) {
  const path = `v1/users/${encodeURIComponent(id)}`;
  const [user, again] = useAnswer((signal) => read<User>(path, signal), [path]);
  if (user.state !== 'there') return <Answered of={user} onRetry={again}>{() => null}</Answered>;
  return (
    <div class="grid">
      <Statistics user={user.value} />
      <Left id={id} />
      <Bought user={user.value} />
      <WhichToTrust />
      <UserFraud id={id} path={path} />
      <Timeline path={path} />
    </div>
  );
}
