import { read, withParameters } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Time } from '../panels/facts';
import { Older } from '../panels/older';
import { Panel } from '../panels/panel';
import { usePages } from '../use-pages';

interface Happened {
  event_id: string;
  type: string;
  timestamp: string;
  properties: Record<string, unknown>;
  context: Record<string, unknown>;
}

interface Page {
  events: Happened[];
  next_cursor: string | null;
}

/** What a user did, the newest first, further back on demand. `path` is the user's own. */
export function Timeline({ path }: { path: string }) {
  const list = usePages<Page, Happened>(
    (cursor, signal) => read(withParameters(`${path}/events`, { limit: 20, cursor }), signal),
    (page) => page.events, [path],
  );
  return (
    <Panel name="timeline" title="Last events" about="by event time, the newest first">
      <Answered of={list.answer} onRetry={list.again}>{(events) => <Events events={events} />}</Answered>
      <Older of={list} what="events" />
    </Panel>
  );
}

function Events({ events }: { events: Happened[] }) {
  const now = new Date();
  return (
    <ol class="events" data-testid="timeline">
      {events.map((event) => (
        <li key={event.event_id}>
          <Time at={event.timestamp}>{f.clock(new Date(event.timestamp), now)}</Time>
          <strong>{event.type}</strong>
          <span class="about">{details(event)}</span>
        </li>
      ))}
    </ol>
  );
}

/** What an event carries, in one line. */
function details(event: Happened): string {
  const known = Object.entries({ ...event.context, ...event.properties });
  return known.filter(([name]) => name !== 'user_agent' && name !== 'ip').map(([name, value]) => `${name} ${text(value)}`).join(' · ');
}

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
