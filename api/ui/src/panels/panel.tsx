import type { ComponentChildren } from 'preact';

interface Props {
  /** Names the panel: its id in the page and its place in the grid. */
  name: string;
  title: string;
  /** What is counted, and over how long. */
  about?: ComponentChildren;
  children: ComponentChildren;
}

/** One card of the dashboard, a landmark with its title. */
export function Panel({ name, title, about, children }: Props) {
  return (
    <section class={`panel ${name}`} aria-labelledby={`${name}-title`}>
      <header class="panel-head">
        <h2 id={`${name}-title`}>{title}</h2>
        {about !== undefined && <p class="about">{about}</p>}
      </header>
      {children}
    </section>
  );
}
