import { useState } from 'preact/hooks';

import { read, withParameters } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Facts, Time } from '../panels/facts';
import { Older } from '../panels/older';
import { usePages } from '../use-pages';
import { Figure } from './figure';
import { againstUsual, daysOf, type Incident, inUnit } from './incident';

interface Page {
  anomalies: Incident[];
  next_cursor: string | null;
}

/** When figures left their usual range, how far, and whose they were. */
export function Incidents() {
  const [severity, choose] = useState('');
  const list = usePages<Page, Incident>(
    (cursor, signal) => read(withParameters('v1/anomalies', { severity, limit: 10, cursor }), signal),
    (page) => page.anomalies, [severity],
  );
  return (
    <main id="figures" tabIndex={-1}>
      <div class="lead">
        <p>Each day of UTC, once it is over, is compared with those before it. What moves at one time is one incident.</p>
        <label class="inline">
          Severity
          <select name="severity" value={severity} onChange={(e) => choose(e.currentTarget.value)}>
            <option value="">all</option>
            {['high', 'medium', 'low'].map((s) => <option key={s} value={s}>{s}</option>)}
          </select>
        </label>
      </div>
      <Answered of={list.answer} onRetry={list.again}>
        {(incidents) => incidents.length === 0
          ? <p class="panel nothing">No incidents. A figure needs 28 days of events before its first one can be told.</p>
          : <div class="stack">{incidents.map((incident) => <One key={incident.id} incident={incident} />)}</div>}
      </Answered>
      <Older of={list} what="incidents" />
    </main>
  );
}

function One({ incident }: { incident: Incident }) {
  const others = incident.measures.filter((measure) => measure !== incident.measure);
  return (
    <article class="panel incident" aria-labelledby={incident.id} data-testid="incident">
      <header class="panel-head">
        <h2 id={incident.id}><span class={`chip ${incident.severity}`}>{incident.severity}</span> {incident.measure}</h2>
        <p class="about">
          <Day at={incident.start} /> to {incident.ongoing ? 'now' : <Day at={incident.end} />}, {f.plural(daysOf(incident), 'day', 'days')}
        </p>
      </header>
      <div class="incident-body">
        <div>
          <p class="verdict"><strong>{inUnit(incident, incident.seen)}</strong> {incident.unit === 'count' && 'a day, '}{againstUsual(incident)}</p>
          <p>{culprit(incident)}</p>
          <Facts
            facts={[
              { name: 'Usually', value: `${inUnit(incident, incident.expected.value)}, between ${inUnit(incident, incident.expected.low)} and ${inUnit(incident, incident.expected.high)}` },
              { name: 'First day that shows it', value: <Day at={incident.first_seen} /> },
              { name: 'Known by', value: <Day at={incident.detected_at} /> },
              ...(incident.after_event === undefined ? [] : [{ name: 'Users hit right after', value: incident.after_event }]),
            ]}
          />
          {others.length > 0 && (
            <details>
              <summary>{f.plural(others.length, 'other figure', 'other figures')} moved too</summary>
              <ul class="about">{others.map((measure) => <li key={measure}>{measure}</li>)}</ul>
            </details>
          )}
        </div>
        <Figure incident={incident} />
      </div>
    </article>
  );
}

/** The value that explains most of it, in a sentence. */
function culprit({ breakdown }: Incident) {
  if (breakdown === null) return <>Spread over all: no single value explains it.</>;
  return <><strong>{f.share(breakdown.share, 1)}</strong> of it is <strong>{breakdown.property} = {breakdown.value}</strong>.</>;
}

function Day({ at }: { at: string }) {
  return <Time at={at}>{f.bucket(new Date(at), 'day', 'UTC')}</Time>;
}
