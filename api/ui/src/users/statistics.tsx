import { percentOf } from '../chart/scale';
import { f } from '../format';
import { Facts, Time } from '../panels/facts';
import { Panel } from '../panels/panel';
import { facts, type User } from './user';

/** What a user has done, in numbers. */
export function Statistics({ user }: { user: User }) {
  const now = new Date();
  const at = (time: string) => <Time at={time}>{f.clock(new Date(time), now)}</Time>;
  const types = Object.entries(user.events_by_type).sort(([, a], [, b]) => b - a);
  const largest = types[0]?.[1] ?? 0;
  return (
    <>
      <Panel name="statistics" title={user.user_id} about="since the first event">
        <Facts facts={[{ name: 'First seen', value: at(user.first_seen) }, { name: 'Last seen', value: at(user.last_seen) }, ...facts(user)]} />
      </Panel>
      <Panel name="by-type" title="Events by type">
        <ol class="bars">
          {types.map(([type, n]) => (
            <li key={type}>
              <div class="behind" style={{ width: `${percentOf(n, largest)}%` }} aria-hidden="true" />
              <span class="name" title={type}>{type}</span>
              <span class="number">{f.count(n)}</span>
            </li>
          ))}
        </ol>
      </Panel>
    </>
  );
}
