// Package ui carries the built dashboard inside the binary.
//
// The sources beside this file (TypeScript, built with Vite) become files in
// dist by `npm ci && npm run build`; [Files] hands those to the server. In a
// fresh clone dist holds only a placeholder, so that Go compiles without Node:
// index.html is absent then, and the server says how to build it.
//
// Everything under assets/ has a content hash in its name and may be cached
// for ever; index.html must be asked for again each time. The page needs no
// other origin, no inline script and no inline style: it runs under
// "Content-Security-Policy: default-src 'self'".
package ui
