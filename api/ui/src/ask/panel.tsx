import { useEffect, useRef, useState } from 'preact/hooks';

import { type Bar, BarChart } from '../chart/bar-chart';
import { f, type Interval } from '../format';
import { Panel } from '../panels/panel';
import { type Answer, ask, fault, intervals, type Measure, measures, type Question } from './query';

type Outcome =
  | { kind: 'nothing' }
  | { kind: 'asking' }
  | { kind: 'answer'; answer: Answer }
  | { kind: 'fault'; message: string };

/** One question over time, with what it cost to answer. `known` are event types to offer. */
export function Ask({ known }: { known: string[] }) {
  const [outcome, setOutcome] = useState<Outcome>({ kind: 'nothing' });
  const running = useRef(new AbortController());
  useEffect(() => () => running.current.abort(), []);

  const send = async (question: Question) => {
    running.current.abort(); // only the latest question is of interest
    running.current = new AbortController();
    const { signal } = running.current;
    const message = fault(question);
    if (message !== null) return setOutcome({ kind: 'fault', message });
    setOutcome({ kind: 'asking' });
    try {
      const answer = await ask(new URL('v1/query', document.baseURI), question, signal);
      setOutcome({ kind: 'answer', answer });
    } catch (error) {
      if (!signal.aborted) setOutcome({ kind: 'fault', message: sentence(error) });
    }
  };

  return (
    <Panel name="ask" title="Ask" about="a count over time, from all that is stored">
      <Form known={known} onAsk={(question) => void send(question)} busy={outcome.kind === 'asking'} />
      <div class="outcome" aria-live="polite">
        {outcome.kind === 'asking' && <p class="nothing">Counting…</p>}
        {outcome.kind === 'fault' && <p class="fault">{outcome.message}</p>}
        {outcome.kind === 'answer' && <Cost answer={outcome.answer} />}
      </div>
      {outcome.kind === 'answer' && <Result answer={outcome.answer} />}
    </Panel>
  );
}

interface FormProps {
  known: string[];
  busy: boolean;
  onAsk(question: Question): void;
}

function Form({ known, busy, onAsk }: FormProps) {
  const [event, setEvent] = useState('');
  const [measure, setMeasure] = useState<Measure>('total');
  const [interval, setInterval] = useState<Interval>('day');
  const [days, setDays] = useState('30');
  const submit = (submitted: Event) => {
    submitted.preventDefault();
    const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    onAsk({ event: event.trim(), measure, interval, days: Number(days), timezone });
  };
  return (
    <form class="question" onSubmit={submit}>
      <label>
        Show
        <select name="measure" value={measure} onChange={(e) => setMeasure(e.currentTarget.value as Measure)}>
          {measures.map((m) => <option key={m.value} value={m.value}>{m.name}</option>)}
        </select>
      </label>
      <label>
        Event
        <input name="event" list="known-events" placeholder="any" autocomplete="off" spellcheck={false} value={event} onInput={(e) => setEvent(e.currentTarget.value)} />
        <datalist id="known-events">{known.map((type) => <option key={type} value={type} />)}</datalist>
      </label>
      <label>
        Interval
        <select name="interval" value={interval} onChange={(e) => setInterval(e.currentTarget.value as Interval)}>
          {intervals.map((i) => <option key={i.value} value={i.value}>{i.name}</option>)}
        </select>
      </label>
      <label>
        Days back
        <input name="days" type="number" min="1" step="1" required value={days} onInput={(e) => setDays(e.currentTarget.value)} />
      </label>
      <button type="submit" class="main" aria-disabled={busy}>Ask</button>
    </form>
  );
}

function Cost({ answer }: { answer: Answer }) {
  const { meta } = answer;
  return (
    <>
      <p class="answer-total">
        <strong data-testid="answer-total">{f.value(answer.total)}</strong> in all
      </p>
      <p class="about" data-testid="answer-meta">
        {`answered in ${f.elapsed(meta.elapsedMs)}, read ${f.plural(meta.rowsRead, 'row', 'rows')} (${f.bytes(meta.bytesRead)})`}
        {meta.storedUntil !== null && `, stored until ${f.clock(meta.storedUntil, new Date())}`}
        {`, time zone ${answer.timezone}`}
      </p>
      {meta.warnings.map((warning) => <p key={warning} class="warning">{warning}</p>)}
    </>
  );
}

function Result({ answer }: { answer: Answer }) {
  const names = answer.buckets.map((at) => f.bucket(at, answer.interval, answer.timezone));
  const bars = answer.values.map((value, i): Bar => ({
    key: answer.buckets[i]!.getTime(),
    value,
    name: names[i]!,
    open: i === answer.values.length - 1, // the range ends now, in the middle of this bucket
  }));
  return (
    <>
      <BarChart bars={bars} label="The answer over time" ends={[names[0] ?? '', names.at(-1) ?? '']} formatValue={f.value} />
      <details>
        <summary>As a table</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="The answer as a table">
          <table>
            <thead>
              <tr><th scope="col">Time</th><th scope="col" class="number">Value</th></tr>
            </thead>
            <tbody>
              {bars.map((bar) => (
                <tr key={bar.key}><th scope="row">{bar.name}</th><td class="number">{f.value(bar.value)}</td></tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

function sentence(error: unknown): string {
  if (error instanceof TypeError) return 'The server cannot be reached.';
  return error instanceof Error ? error.message : String(error);
}
