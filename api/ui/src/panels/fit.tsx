interface Props {
  kind: 'hero' | 'figure';
  /** The name by which tests find it. */
  name: string;
  text: string;
  /** The number behind the text, for tests. */
  value: number | undefined;
}

/**
 * A single number, set in a smaller size when it is too long for its place. The
 * place keeps its height, so the page does not move when a digit is added.
 */
export function Fit({ kind, name, text, value }: Props) {
  return (
    <p class={`fit ${kind}`} data-testid={name} data-value={value}>
      <span style={{ '--chars': text.length }}>{text}</span>
    </p>
  );
}
