import { useState } from 'preact/hooks';

import { read, withParameters } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Time } from '../panels/facts';
import { Older } from '../panels/older';
import { Panel } from '../panels/panel';
import { usePages } from '../use-pages';
import { Deliveries } from './deliveries';

/** One of GET /v1/alerts. */
interface Alert {
  id: string;
  rule: string;
  state: 'pending' | 'firing' | 'resolved';
  severity: string;
  summary: string;
  told: boolean;
  started_at: string;
  fired_at: string | null;
  resolved_at: string | null;
}

interface Page {
  alerts: Alert[];
  next_cursor: string | null;
}

/** What rules have found. */
export function Found() {
  const [state, choose] = useState('');
  const list = usePages<Page, Alert>(
    (cursor, signal) => read(withParameters('v1/alerts', { state, limit: 20, cursor }), signal),
    (page) => page.alerts, [state],
  );
  return (
    <Panel name="found" title="Alerts" about="the newest first">
      <label class="inline">
        State
        <select name="state" value={state} onChange={(e) => choose(e.currentTarget.value)}>
          <option value="">all</option>
          {['firing', 'pending', 'resolved'].map((s) => <option key={s} value={s}>{s}</option>)}
        </select>
      </label>
      <Answered of={list.answer} onRetry={list.again}>
        {(alerts) => alerts.length === 0
          ? <p class="nothing">No alerts. What rules find stands here, also where nobody was told.</p>
          : <ol class="alerts" data-testid="alerts">{alerts.map((alert) => <One key={alert.id} alert={alert} />)}</ol>}
      </Answered>
      <Older of={list} what="alerts" />
    </Panel>
  );
}

function One({ alert }: { alert: Alert }) {
  const [open, setOpen] = useState(false);
  const now = new Date();
  const at = (time: string) => <Time at={time}>{f.clock(new Date(time), now)}</Time>;
  return (
    <li>
      <p><span class={`chip ${alert.state}`}>{alert.state}</span> <span class={`chip ${alert.severity}`}>{alert.severity}</span> <strong>{alert.rule}</strong></p>
      <p>{alert.summary}</p>
      <p class="about">
        since {at(alert.started_at)}
        {alert.resolved_at !== null && <>, resolved {at(alert.resolved_at)}</>}
        {alert.fired_at !== null && !alert.told && ', nobody was told'}
      </p>
      <details onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>Deliveries</summary>
        {open && <Deliveries path={`v1/alerts/${encodeURIComponent(alert.id)}/deliveries`} />}
      </details>
    </li>
  );
}
