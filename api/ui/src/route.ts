// Which page the address names. Pages stand behind the # of the address: the
// server needs no route for them, and they work below any path of a proxy.

export type Route =
  | { page: 'live' }
  | { page: 'users'; id: string | null }
  /** Without a name: all models; without a version: the one in use. */
  | { page: 'models'; name: string | null; version: number | null }
  | { page: 'fraud' }
  | { page: 'incidents' }
  /** rule is the id of the one being changed, or 'new'. */
  | { page: 'alerts'; rule: string | null }
  | { page: 'unknown'; path: string };

/** The pages in the order of the navigation. */
export const pages = [
  { page: 'live', name: 'Live' },
  { page: 'users', name: 'Users' },
  { page: 'models', name: 'Models' },
  { page: 'fraud', name: 'Fraud' },
  { page: 'incidents', name: 'Incidents' },
  { page: 'alerts', name: 'Alerts' },
] as const;

/** Reads the part of an address from # on. */
export function routeOf(hash: string): Route {
  if (!hash.startsWith('#/') || hash === '#/') return { page: 'live' };
  const unknown: Route = { page: 'unknown', path: hash.slice(1) };
  const parts = hash.slice(2).split('/').map(decoded);
  const [page, first, second, ...rest] = parts;
  if (rest.length > 0 || parts.includes(null)) return unknown;
  const given = first === undefined || first === '' ? null : first;
  const version = second === undefined || second === '' ? null : Number(second);
  if (page === 'models') {
    const whole = version === null || (Number.isInteger(version) && version > 0);
    return whole ? { page, name: given, version } : unknown;
  }
  if (second !== undefined) return unknown;
  if (page === 'users') return { page, id: given };
  if (page === 'alerts') return { page, rule: given };
  if ((page === 'fraud' || page === 'incidents') && given === null) return { page };
  return unknown;
}

/** The link to a page, such as hrefOf('users', 'u/1'). Every part may hold any letter. */
export function hrefOf(page: string, ...parts: (string | number)[]): string {
  if (page === 'live') return '#/';
  return `#/${[page, ...parts].map((part) => encodeURIComponent(part)).join('/')}`;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // a % that is no escape
  }
}
