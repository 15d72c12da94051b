import { useEffect, useRef, useState } from 'preact/hooks';

import { Ask } from '../ask/panel';
import { Funnel } from '../panels/funnel';
import { Rate } from '../panels/rate';
import { Revenue } from '../panels/revenue';
import { Standing } from '../panels/standing';
import { TopEvents } from '../panels/top-events';
import { Totals } from '../panels/totals';
import { Welcome } from '../panels/welcome';
import { firstLink, statusOf } from './link';
import { follow, type Following, type View } from './stream';

/** The figures of the moment. The stream is open while this page is. */
export function Live() {
  const [view, following] = useLive();
  const { figures } = view;
  const status = statusOf(view.link, figures, view.now);
  const untouched = figures !== null && figures.eventsTotal === 0;

  return (
    <div data-state={status.state}>
      <Standing status={status} figures={figures} now={view.now} onRetry={() => following.current?.retry()} />
      <main id="figures" tabIndex={-1}>
        {untouched && <Welcome />}
        <div class="grid">
          <Rate figures={figures} />
          <Totals figures={figures} />
          <Funnel figures={figures} />
          <TopEvents figures={figures} />
          <Revenue figures={figures} />
          <Ask known={figures?.topEvents.map((top) => top.type) ?? []} />
        </div>
      </main>
    </div>
  );
}

function useLive() {
  const [view, show] = useState<View>(() => ({ link: firstLink(Date.now()), figures: null, now: Date.now() }));
  const following = useRef<Following | null>(null);
  useEffect(() => {
    const stream = follow(new URL('v1/live', document.baseURI), show);
    following.current = stream;
    return stream.stop;
  }, []);
  return [view, following] as const;
}
