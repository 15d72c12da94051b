import { defineConfig } from 'vite';

// `npm run dev` serves the sources and passes everything else to a running
// Millrace (or to `npm run mock`).
const server = process.env.MILLRACE_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  // Relative, so that the page also works below a path of a reverse proxy.
  base: './',
  build: {
    target: 'es2022',
    // light-dark() is used as it is: browsers since spring 2024.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // A data: URI would break "default-src 'self'".
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
  },
  server: {
    proxy: Object.fromEntries(
      ['/v1', '/docs', '/openapi.json', '/metrics'].map((path) => [path, server]),
    ),
  },
});
