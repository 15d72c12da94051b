import { useState } from 'preact/hooks';

import { hrefOf, pages } from '../route';
import { applyTheme, nextTheme, storedTheme, type Theme } from '../theme';

/** The name, the pages, and the theme. `page` is the one that is shown. */
export function Header({ page: shown }: { page: string }) {
  return (
    <header class="top">
      <h1>
        <Mark />
        Millrace
      </h1>
      <nav class="pages" aria-label="Pages">
        <ul>
          {pages.map(({ page, name }) => (
            <li key={page}>
              <a href={hrefOf(page)} aria-current={page === shown ? 'page' : undefined}>{name}</a>
            </li>
          ))}
        </ul>
      </nav>
      <ThemeButton />
    </header>
  );
}

const names: Record<Theme, string> = { auto: 'Auto', light: 'Light', dark: 'Dark' };

function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme);
  const turn = () => {
    const next = nextTheme(theme);
    applyTheme(next);
    setTheme(next);
  };
  return (
    <button type="button" class="quiet theme" onClick={turn} aria-label={`Theme: ${names[theme]}`} title="Change the theme">
      <ThemeIcon theme={theme} />
      <span class="theme-name">{names[theme]}</span>
    </button>
  );
}

function ThemeIcon({ theme }: { theme: Theme }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {theme === 'light' && (
        <>
          <circle cx="8" cy="8" r="3" />
          <path d="M8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.900L13 13M3 13l1.1-1.100M11.9 4.100L13 3" />
        </>
      )}
      {theme === 'dark' && <path d="M13.5 9.800A6 6 0 0 1 6.2 2.500a6 6 0 1 0 7.3 7.300z" />}
      {theme === 'auto' && (
        <>
          <circle cx="8" cy="8" r="6" />
          <path class="filled" d="M8 2a6 6 0 0 1 0 12z" />
        </>
      )}
    </svg>
  );
}

/** The mill wheel over its race. */
function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="13" r="9.5" />
      <circle class="filled" cx="16" cy="13" r="2.2" />
      <path d="M16 3.500v5M16 17.500v5M6.5 13h5M20.5 13h5" />
      <path d="M2.5 27.500c2.25-2.6 4.5-2.6 6.75 0s4.5 2.6 6.75 0 4.5-2.6 6.75 0 4.5 2.6 6.75 0" />
    </svg>
  );
}
