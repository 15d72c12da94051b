// Carries out what link.ts decides: opens and closes the request, reads the
// stream, keeps the clock. The caller owns it: follow() starts, the function it
// returns stops everything.

import { problem } from '../problem';
import { type Figures, readFigures } from './figures';
import { advance, firstLink, type Link, type Signal } from './link';
import { type Message, SseParser } from './sse';

export interface View {
  link: Link;
  figures: Figures | null;
  /** The page's clock when this view was made, in milliseconds. */
  now: number;
}

/** The handle of a followed stream. */
export interface Following {
  /** Tries at once when a try is being waited for. */
  retry(): void;
  stop(): void;
}

/** Follows the stream at url and calls show once a second and on every change. */
export function follow(url: URL, show: (view: View) => void): Following {
  let figures: Figures | null = null;
  let link = firstLink(Date.now());
  let request = new AbortController();

  const signal = (what: Signal) => {
    const before = link;
    link = advance(before, what, Date.now(), Math.random());
    if (link.phase !== before.phase) {
      if (link.phase === 'waiting') request.abort();
      if (link.phase === 'connecting') open();
    }
    show({ link, figures, now: Date.now() });
  };

  const open = () => {
    request = new AbortController();
    const own = request;
    void read(url, own.signal, {
      opened: () => signal({ kind: 'opened' }),
      heard: () => signal({ kind: 'heard' }),
      message: (message) => {
        if (message.event === 'problem') signal({ kind: 'problem', detail: problem(message.data, 'no figures') });
        if (message.event !== 'figures') return;
        figures = readFigures(message.data);
        signal({ kind: 'figures' });
      },
    }).then((lost) => {
      // A request that was given up on purpose has nothing more to say.
      if (!own.signal.aborted) signal({ kind: 'lost', ...lost });
    });
  };

  const retry = () => signal({ kind: 'nudge' });
  const timer = setInterval(() => signal({ kind: 'tick' }), 1000);
  window.addEventListener('online', retry);
  open();

  return {
    retry,
    stop() {
      clearInterval(timer);
      window.removeEventListener('online', retry);
      request.abort();
    },
  };
}

interface Lost {
  reason: string;
  retryAfterMs?: number;
}

interface Hooks {
  opened(): void;
  heard(): void;
  /** May throw: the stream ends then, with that as its reason. */
  message(message: Message): void;
}

/** Reads the stream to its end and says why it ended. Never rejects. */
async function read(url: URL, signal: AbortSignal, hooks: Hooks): Promise<Lost> {
  try {
    const answer = await fetch(url, { signal, headers: { accept: 'text/event-stream' }, cache: 'no-store' });
    if (!answer.ok || answer.body === null) return await refused(answer);
    hooks.opened();
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = answer.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { reason: 'the server closed the connection' };
      hooks.heard();
      for (const message of parser.push(decoder.decode(value, { stream: true }))) hooks.message(message);
    }
  } catch (error) {
    if (error instanceof TypeError) return { reason: 'the server cannot be reached' };
    return { reason: `the figures cannot be read (${String(error)})` };
  }
}

async function refused(answer: Response): Promise<Lost> {
  const reason = problem(await answer.text(), `the server answered ${answer.status}`);
  const seconds = Number(answer.headers.get('retry-after'));
  return seconds > 0 ? { reason, retryAfterMs: seconds * 1000 } : { reason };
}
