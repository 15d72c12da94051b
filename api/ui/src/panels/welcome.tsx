import { useRef, useState } from 'preact/hooks';

/** What a new user sees until the first event is stored: how to send it. */
export function Welcome() {
  const server = new URL('.', document.baseURI).href.replace(/\/$/, '');
  return (
    <section class="panel welcome" aria-labelledby="welcome-title">
      <h2 id="welcome-title">Send your first event</h2>
      <p>Nothing is stored yet. Paste this into a terminal; the page changes by itself when the event arrives.</p>
      <Command
        name="Send one event"
        text={`curl -X POST ${server}/v1/events \\\n  -H 'Content-Type: application/json' \\\n  -d '{"type":"view","user_id":"ada"}'`}
      />
      <p>Or let Millrace make some traffic:</p>
      <Command name="Make sample traffic" text={`bin/millrace produce --api ${server}`} />
      <p class="about">Every field is described in the <a href="docs">interface documentation</a>.</p>
    </section>
  );
}

type Done = 'Copied' | 'Selected';

/** A command with a button that copies it. */
function Command({ name, text }: { name: string; text: string }) {
  const code = useRef<HTMLElement>(null);
  const [done, setDone] = useState<Done | null>(null);
  const copy = async () => {
    setDone(await copyText(text, code.current));
    setTimeout(() => setDone(null), 2000);
  };
  return (
    <div class="command">
      <pre tabIndex={0} role="region" aria-label={name}><code ref={code}>{text}</code></pre>
      <button type="button" class="quiet" onClick={() => void copy()} aria-label={`Copy: ${name}`}>
        <span aria-live="polite">{done ?? 'Copy'}</span>
      </button>
    </div>
  );
}

/**
 * Copies text. The clipboard is only there on https and localhost: elsewhere the
 * text is left selected, so that one key press copies it.
 */
async function copyText(text: string, shown: HTMLElement | null): Promise<Done> {
  try {
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch {
    if (shown !== null) window.getSelection()?.selectAllChildren(shown);
    return 'Selected';
  }
}
