const links = [
  { href: 'docs', name: 'Documentation', about: 'the HTTP interface, to read and try' },
  { href: 'openapi.json', name: 'OpenAPI', about: 'the same for programs' },
  { href: 'metrics', name: 'Metrics', about: 'of the server, for Prometheus' },
];

/** What else the server has. `live` explains the words of the live page, too. */
export function Footer({ live }: { live: boolean }) {
  return (
    <footer>
      <nav aria-label="More of this server">
        <ul>
          {links.map((link) => (
            <li key={link.href}>
              <a href={link.href}>{link.name}</a> <span class="about">{link.about}</span>
            </li>
          ))}
        </ul>
      </nav>
      {live && (
        <p class="about">
          <strong>Stored until</strong>: all that the broker accepted before this instant is in these numbers.{' '}
          <strong>Lag</strong>: records that still wait to be stored.
        </p>
      )}
    </footer>
  );
}
