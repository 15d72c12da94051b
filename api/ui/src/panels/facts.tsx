import type { ComponentChildren } from 'preact';

export interface Fact {
  name: string;
  value: ComponentChildren;
  /** By which tests find it. */
  test?: string;
}

/** Names with their values, in as many columns as fit. */
export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <dl class="facts">
      {facts.map((fact) => (
        <div key={fact.name}>
          <dt>{fact.name}</dt>
          <dd data-testid={fact.test}>{fact.value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A time as people read it, and as programs do. */
export function Time({ at, children }: { at: string; children: ComponentChildren }) {
  return <time dateTime={at}>{children}</time>;
}
