import { useEffect, useRef, useState } from 'preact/hooks';

import { Alerts } from './alerts/page';
import { Fraud } from './fraud/page';
import { Incidents } from './incidents/page';
import { Live } from './live/page';
import { Models } from './models/page';
import { Footer } from './panels/footer';
import { Header } from './panels/header';
import { pages, type Route, routeOf } from './route';
import { Users } from './users/page';

/** The page that the address names, below the header that all share. */
export function App() {
  const route = useRoute();
  const content = useRef<HTMLDivElement>(null);
  useTitle(route, content);
  const skip = (event: Event) => {
    event.preventDefault(); // the address names the page: it has no room for a place on it
    content.current?.querySelector('main')?.focus();
  };
  return (
    <div class="page" ref={content}>
      <a class="skip" href="#figures" onClick={skip}>Skip to the figures</a>
      <Header page={route.page} />
      <Page route={route} />
      <Footer live={route.page === 'live'} />
    </div>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case 'live':
      return <Live />;
    case 'users':
      return <Users id={route.id} />;
    case 'models':
      return <Models name={route.name} version={route.version} />;
    case 'fraud':
      return <Fraud />;
    case 'incidents':
      return <Incidents />;
    case 'alerts':
      return <Alerts rule={route.rule} />;
    case 'unknown':
      return (
        <main id="figures" tabIndex={-1}>
          <p class="lead">There is no page at {route.path}. <a href="#/">The live page</a> has the figures.</p>
        </main>
      );
  }
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const change = () => setRoute(routeOf(location.hash));
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return route;
}

/** Names the page in the window's title, and begins it at its top: with the keyboard, too. */
function useTitle(route: Route, content: { current: HTMLDivElement | null }) {
  const first = useRef(true);
  const named = JSON.stringify(route);
  useEffect(() => {
    const name = pages.find((p) => p.page === route.page)?.name;
    document.title = name === undefined || route.page === 'live' ? 'Millrace' : `${name} – Millrace`;
    if (!first.current) {
      scrollTo(0, 0);
      content.current?.querySelector('main')?.focus();
    }
    first.current = false;
  }, [named]);
}
