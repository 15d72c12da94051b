import { read, withParameters } from '../api';
import { BarChart } from '../chart/bar-chart';
import { f, NOTHING } from '../format';
import { Answered } from '../panels/answered';
import { Facts, Time } from '../panels/facts';
import { Panel } from '../panels/panel';
import { useAnswer } from '../use-answer';
import { type PurchasePage, Purchases } from './purchases';

/** The answer of GET /v1/users/{id}/fraud-profile. Amounts are about US dollars, to compare by. */
interface Profile {
  first_seen: string;
  last_purchase: string | null;
  purchases_known: number;
  usual_amount: string;
  largest_amount: string | null;
  attempts_known: number;
  declined_known: number;
  countries: string[];
  devices_known: number;
  presence_hours: number;
  hours: number[];
}

/** What the purchases of a user are compared with, and how the last ones were judged. */
export function UserFraud({ id, path }: { id: string; path: string }) {
  const latest = withParameters('v1/fraud', { user: id, decision: ['allow', 'review', 'block'], limit: 5 });
  const [profile, againProfile] = useAnswer((signal) => read<Profile>(`${path}/fraud-profile`, signal), [path]);
  const [page, againPage] = useAnswer((signal) => read<PurchasePage>(latest, signal), [latest]);
  return (
    <>
      <Panel name="profile" title="Fraud profile" about="what purchases are compared with">
        <Answered of={profile} onRetry={againProfile}>{(value) => <Known profile={value} />}</Answered>
      </Panel>
      <Panel name="judged" title="Fraud decisions" about="the last purchases, the newest first">
        <Answered of={page} onRetry={againPage}>
          {({ purchases }) => purchases.length === 0
            ? <p class="nothing">No purchase of this user was judged yet.</p>
            : <Purchases purchases={purchases} ofOne />}
        </Answered>
      </Panel>
    </>
  );
}

function Known({ profile }: { profile: Profile }) {
  const now = new Date();
  const about = (amount: string) => `about ${f.money(amount, 'USD')}`;
  return (
    <>
      <Facts
        facts={[
          { name: 'Purchases learnt from', value: f.count(profile.purchases_known), test: 'profile-purchases' },
          { name: 'Usual amount', value: about(profile.usual_amount) },
          { name: 'Largest of late', value: profile.largest_amount === null ? NOTHING : about(profile.largest_amount) },
          { name: 'Last payments tried', value: `${f.count(profile.attempts_known)}, ${f.count(profile.declined_known)} declined` },
          { name: 'Last purchase', value: profile.last_purchase === null ? NOTHING : <Time at={profile.last_purchase}>{f.clock(new Date(profile.last_purchase), now)}</Time> },
          { name: 'Familiar countries', value: profile.countries.length === 0 ? NOTHING : profile.countries.join(', ') },
          { name: 'Familiar devices', value: f.count(profile.devices_known) },
        ]}
      />
      <BarChart
        bars={profile.hours.map((value, hour) => ({ key: hour, value, name: `${hour} to ${hour + 1} h` }))}
        label="Hours of presence by hour of the day, UTC"
        ends={['0 h', '24 h']}
        formatValue={(n) => f.plural(n, 'hour', 'hours')}
        legend={{ bars: `${f.plural(profile.presence_hours, 'hour', 'hours')} of presence, by hour of the day, UTC` }}
      />
    </>
  );
}
