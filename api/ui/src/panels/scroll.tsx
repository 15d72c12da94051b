import type { ComponentChildren } from 'preact';

/** A wide table that scrolls by itself, with the keyboard too, so that the page does not. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return <div class="sideways" tabIndex={0} role="region" aria-label={label}>{children}</div>;
}
