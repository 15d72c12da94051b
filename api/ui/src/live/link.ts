// The connection to GET /v1/live as a state and the rules that move it. No
// timers and no network in here: time comes in with each signal, so minutes of
// behaviour are tested in microseconds. stream.ts does what the state says.

import { type Figures, secondsBehind } from './figures';

export type Link =
  /** A request is under way since `since`. */
  | { phase: 'connecting'; attempt: number; since: number }
  /**
   * The stream is open. Anything at all, a heartbeat too, was last heard at
   * `heardAt`, figures at `figuresAt`. `problem` is why the server has none now.
   */
  | { phase: 'open'; attempt: number; heardAt: number; figuresAt: number; problem: string }
  /** Nothing is open; the next try is at `retryAt`. */
  | { phase: 'waiting'; attempt: number; retryAt: number; reason: string };

export type Signal =
  | { kind: 'opened' }
  /** Bytes came in, whatever they say. */
  | { kind: 'heard' }
  | { kind: 'figures' }
  /** The server says that it cannot compute the figures at the moment. */
  | { kind: 'problem'; detail: string }
  | { kind: 'lost'; reason: string; retryAfterMs?: number }
  /** A second has passed. */
  | { kind: 'tick' }
  /** The network is back, or the reader asks for a try now. */
  | { kind: 'nudge' };

/** All times in milliseconds. */
export const PATIENCE = {
  /** No answer to the request: try again. */
  connect: 10_000,
  /** Open but without figures: say so. The server sends them once a second. */
  quiet: 4_000,
  /** Silent for so long that the connection is taken for dead. The server's heartbeat comes every 15 s. */
  dead: 40_000,
  /** Behind the broker for so long that storing is called stuck. */
  behind: 15_000,
  firstPause: 500,
  longestPause: 15_000,
} as const;

export const firstLink = (now: number): Link => ({ phase: 'connecting', attempt: 0, since: now });

/** The state after a signal. `random` in [0, 1) spreads the tries of many pages over time. */
export function advance(link: Link, signal: Signal, now: number, random: number): Link {
  switch (signal.kind) {
    case 'opened':
      return { phase: 'open', attempt: link.attempt, heardAt: now, figuresAt: now, problem: '' };
    case 'heard':
      return link.phase === 'open' ? { ...link, heardAt: now } : link;
    case 'figures':
      // Only a message ends the count of failed tries: a server that accepts
      // and hangs up at once is still waited for longer each time.
      return { phase: 'open', attempt: 0, heardAt: now, figuresAt: now, problem: '' };
    case 'problem':
      return link.phase === 'open' ? { ...link, attempt: 0, problem: signal.detail } : link;
    case 'lost':
      return wait(link, signal.reason, signal.retryAfterMs ?? 0, now, random);
    case 'nudge':
      return link.phase === 'waiting' ? connect(link, now) : link;
    case 'tick':
      return tick(link, now, random);
  }
}

function tick(link: Link, now: number, random: number): Link {
  switch (link.phase) {
    case 'waiting':
      return now >= link.retryAt ? connect(link, now) : link;
    case 'connecting':
      return now - link.since < PATIENCE.connect ? link : wait(link, 'the server does not answer', 0, now, random);
    case 'open':
      return now - link.heardAt < PATIENCE.dead ? link : wait(link, 'the server went silent', 0, now, random);
  }
}

function connect(link: Link, now: number): Link {
  return { phase: 'connecting', attempt: link.attempt, since: now };
}

function wait(link: Link, reason: string, atLeast: number, now: number, random: number): Link {
  const doubled = Math.min(PATIENCE.firstPause * 2 ** link.attempt, PATIENCE.longestPause);
  const pause = Math.max(doubled * (0.75 + random / 2), atLeast);
  return { phase: 'waiting', attempt: link.attempt + 1, retryAt: now + pause, reason };
}

export type State = 'connecting' | 'live' | 'reconnecting' | 'stalled';

export interface Status {
  state: State;
  /** What to tell the reader beside the dot; empty when there is nothing to add. */
  note: string;
}

/** What the reader is told about the connection and the figures that last came over it. */
export function statusOf(link: Link, figures: Figures | null, now: number): Status {
  switch (link.phase) {
    case 'connecting':
      return link.attempt === 0
        ? { state: 'connecting', note: '' }
        : { state: 'reconnecting', note: 'trying now' };
    case 'waiting':
      return { state: 'reconnecting', note: `${link.reason}, next try in ${seconds(link.retryAt - now)}` };
    case 'open':
      if (link.problem !== '') return { state: 'stalled', note: link.problem };
      return openStatus(now - link.figuresAt, figures);
  }
}

function openStatus(silentMs: number, figures: Figures | null): Status {
  if (silentMs >= PATIENCE.quiet) {
    return { state: 'stalled', note: `no figures for ${seconds(silentMs)}` };
  }
  if (figures === null) return { state: 'connecting', note: '' };
  const behindMs = secondsBehind(figures) * 1000;
  if (behindMs >= PATIENCE.behind) {
    return { state: 'stalled', note: `storing is ${seconds(behindMs)} behind` };
  }
  return { state: 'live', note: '' };
}

const seconds = (ms: number) => `${Math.max(1, Math.ceil(ms / 1000))} s`;
