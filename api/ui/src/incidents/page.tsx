import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { read, withParameters } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { type Fact, Facts, Time } from '../panels/facts';
import { Older } from '../panels/older';
import { usePages } from '../use-pages';
import { Figure } from './figure';
import { againstUsual, culpritOf, type Incident, inUnit, lengthOf, type Watching, when } from './incident';

interface Page {
  anomalies: Incident[];
  watching: Watching | null;
  next_cursor: string | null;
}

/** An incident with what it was looked for in, which its page said. */
interface Found {
  incident: Incident | null;
  watching: Watching | null;
}

/** When figures left their usual range, how far, and whose they were. */
export function Incidents() {
  const [severity, chooseSeverity] = useState('');
  const [ongoing, chooseOngoing] = useState(false);
  const list = usePages<Page, Found>(
    (cursor, signal) => read(withParameters('v1/anomalies', { severity, ongoing: ongoing ? 'true' : null, limit: 10, cursor }), signal),
    ({ anomalies, watching }) => (anomalies.length === 0 ? [{ incident: null, watching }] : anomalies.map((incident) => ({ incident, watching }))),
    [severity, ongoing],
  );
  return (
    <main id="figures" tabIndex={-1}>
      <div class="lead">
        <p>Each hour and day, once it is over, is compared with those before it. What moves at one time is one incident.</p>
        <div class="buttons">
          <label class="inline">
            <input type="checkbox" checked={ongoing} onChange={(e) => chooseOngoing(e.currentTarget.checked)} /> ongoing only
          </label>
          <label class="inline">
            Severity
            <select name="severity" value={severity} onChange={(e) => chooseSeverity(e.currentTarget.value)}>
              <option value="">all</option>
              {['high', 'medium', 'low'].map((s) => <option key={s} value={s}>{s}</option>)}
            </select>
          </label>
        </div>
      </div>
      <Answered of={list.answer} onRetry={list.again}>{(found) => <List found={found} />}</Answered>
      <Older of={list} what="incidents" />
    </main>
  );
}

function List({ found }: { found: Found[] }) {
  const watching = found[0]?.watching ?? null;
  const incidents = found.flatMap(({ incident }) => (incident === null ? [] : [incident]));
  return (
    <div class="stack">
      {incidents.length === 0 && (
        <p class="panel nothing">
          {watching === null
            ? 'No incidents: no hour or day has been looked at yet.'
            : 'No incidents. A figure needs some weeks of events before its first one can be told.'}
        </p>
      )}
      {incidents.map((incident) => <One key={incident.id} incident={incident} zone={watching?.timezone ?? 'UTC'} />)}
      {watching !== null && <Watched watching={watching} />}
    </div>
  );
}

function One({ incident, zone }: { incident: Incident; zone: string }) {
  const others = incident.measures.filter((measure) => measure !== incident.measure);
  const at = (time: string) => <Time at={time}>{when(incident, time, zone)}</Time>;
  return (
    <article class="panel incident" aria-labelledby={incident.id} data-testid="incident">
      <header class="panel-head">
        <h2 id={incident.id}><span class={`chip ${incident.severity}`}>{incident.severity}</span> {incident.measure}</h2>
        <p class="about">{at(incident.start)} to {incident.ongoing ? 'now' : at(incident.end)}, {lengthOf(incident)}</p>
      </header>
      <div class="incident-body">
        <div>
          <p class="verdict">
            <strong>{inUnit(incident, incident.seen)}</strong> {incident.unit === 'count' && `by ${incident.window}, `}{againstUsual(incident)}
          </p>
          <p>{culprit(incident)}</p>
          <Facts facts={factsOf(incident, at)} />
          {others.length > 0 && (
            <details>
              <summary>{f.plural(others.length, 'other figure', 'other figures')} moved too</summary>
              <ul class="about">{others.map((measure) => <li key={measure}>{measure}</li>)}</ul>
            </details>
          )}
        </div>
        <Figure incident={incident} zone={zone} />
      </div>
    </article>
  );
}

function factsOf(incident: Incident, at: (time: string) => ComponentChildren): Fact[] {
  const { value, low, high } = incident.expected;
  return [
    { name: 'Usually', value: `${inUnit(incident, value)}, between ${inUnit(incident, low)} and ${inUnit(incident, high)}` },
    { name: `First ${incident.window} that shows it`, value: at(incident.first_seen) },
    { name: 'Known by', value: at(incident.detected_at) },
    ...(incident.after_event === undefined ? [] : [{ name: 'Users hit right after', value: incident.after_event }]),
    ...(incident.new_level === true ? [{ name: 'Since its end', value: 'the new level counts as usual' }] : []),
  ];
}

/** The value that explains most of it, in a sentence. */
function culprit(incident: Incident) {
  if (incident.breakdown === null) return <>Spread over all: no single value explains it.</>;
  return <><strong>{f.share(incident.breakdown.share, 1)}</strong> of it is <strong>{culpritOf(incident)}</strong>.</>;
}

/** What is looked at, and how far. */
function Watched({ watching }: { watching: Watching }) {
  const now = new Date();
  const list = (names: string[]) => (names.length === 0 ? 'none' : names.join(', '));
  return (
    <p class="about" data-testid="watching">
      {f.plural(watching.series, 'figure', 'figures')} since <Time at={watching.since}>{f.clock(new Date(watching.since), now)}</Time>, until{' '}
      <Time at={watching.hours_until}>{f.clock(new Date(watching.hours_until), now)}</Time>; days of {watching.timezone}; broken down
      by {list(watching.properties)}; conversions between {list(watching.steps)}; sensitivity {f.value(watching.sensitivity)}.
    </p>
  );
}
