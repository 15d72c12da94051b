import { useEffect, useRef, useState } from 'preact/hooks';

import { send } from '../api';
import { f } from '../format';
import { Trouble } from '../panels/answered';
import { Time } from '../panels/facts';
import { hrefOf } from '../route';
import { Deliveries } from './deliveries';
import { type Rule, watched } from './rule';

/** All rules, with what can be done about each. */
export function Rules({ rules, onChange }: { rules: Rule[]; onChange(): void }) {
  if (rules.length === 0) return <p class="nothing">No rules yet. A rule says what to watch, when that is an alert, and whom to tell.</p>;
  return <ul class="rule-list" data-testid="rules">{rules.map((rule) => <One key={rule.id} rule={rule} onChange={onChange} />)}</ul>;
}

function One({ rule, onChange }: { rule: Rule; onChange(): void }) {
  const [fault, setFault] = useState<unknown>(null);
  const [open, setOpen] = useState(false);
  const [tested, setTested] = useState(0);
  const path = `v1/alert-rules/${encodeURIComponent(rule.id)}`;
  /** Does something to the rule; says why where the server does not. */
  const act = async (what: () => Promise<unknown>) => {
    try {
      await what();
      setFault(null);
      onChange();
    } catch (error) {
      setFault(error);
    }
  };
  const test = () => act(async () => {
    await send('POST', `${path}/test`);
    setOpen(true);
    setTested((n) => n + 1);
  });
  const remove = () => act(async () => {
    await send('DELETE', path);
    document.querySelector('main')?.focus(); // the button that had the focus goes with its rule
  });
  return (
    <li>
      <div class="row rule-head">
        <div>
          <p><span class={`chip ${rule.severity}`}>{rule.severity}</span> <strong>{rule.name}</strong></p>
          <p class="about watched">{watched(rule.watch)}{rule.for !== '0s' && `, for ${rule.for}`}</p>
          <Standing rule={rule} />
        </div>
        <div class="buttons">
          <a class="quiet" href={hrefOf('alerts', rule.id)} aria-label={`Edit ${rule.name}`}>Edit</a>
          <Silence rule={rule} onSilence={(time) => void act(() => send('POST', `${path}/silence`, { for: time }))} />
          <button type="button" class="quiet" aria-label={`Test ${rule.name}`} onClick={() => void test()}>Test</button>
          <Remove name={rule.name} onRemove={() => void remove()} />
        </div>
      </div>
      {fault !== null && <div aria-live="polite"><Trouble error={fault} /></div>}
      <details open={open} onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>Deliveries</summary>
        {open && <Deliveries path={`${path}/deliveries`} renewed={tested} />}
      </details>
    </li>
  );
}

function Standing({ rule }: { rule: Rule }) {
  const now = new Date();
  const at = (time: string) => <Time at={time}>{f.clock(new Date(time), now)}</Time>;
  const silenced = rule.silenced_until !== null && new Date(rule.silenced_until) > now;
  return (
    <>
      <p class="about">
        {rule.channels.length === 0 ? 'tells nobody' : `tells ${rule.channels.map((channel) => channel.name).join(', ')}`}
        {rule.looked_at !== null && <>, looked at {at(rule.looked_at)}</>}
        {silenced && <>, <strong>silent until {at(rule.silenced_until!)}</strong></>}
      </p>
      {rule.problem !== undefined && <p class="fault">{rule.problem}</p>}
    </>
  );
}

const silences = [
  { value: '1h', name: 'for an hour' },
  { value: '8h', name: 'for 8 hours' },
  { value: '1d', name: 'for a day' },
  { value: '7d', name: 'for a week' },
];

function Silence({ rule, onSilence }: { rule: Rule; onSilence(time: string): void }) {
  const silenced = rule.silenced_until !== null && new Date(rule.silenced_until) > new Date();
  const place = useRef<HTMLSpanElement>(null);
  const refocus = useFocusAfter(place, silenced);
  const silence = (time: string) => {
    refocus();
    onSilence(time);
  };
  return (
    <span ref={place}>
      {silenced && <button type="button" class="quiet" aria-label={`End the silence of ${rule.name}`} onClick={() => silence('0s')}>End silence</button>}
      {!silenced && (
        // The first entry is the name of the control; choosing one of the others acts.
        <select class="quiet" aria-label={`Silence ${rule.name}`} value="" onChange={(e) => e.currentTarget.value !== '' && silence(e.currentTarget.value)}>
          <option value="">Silence</option>
          {silences.map((s) => <option key={s.value} value={s.value}>{s.name}</option>)}
        </select>
      )}
    </span>
  );
}

/** Asks once more before something is gone. */
function Remove({ name, onRemove }: { name: string; onRemove(): void }) {
  const [asked, ask] = useState(false);
  const place = useRef<HTMLSpanElement>(null);
  const refocus = useFocusAfter(place, asked);
  const turn = (to: boolean) => {
    refocus();
    ask(to);
  };
  return (
    <span class="buttons" ref={place}>
      {!asked && <button type="button" class="quiet" aria-label={`Delete ${name}`} onClick={() => turn(true)}>Delete</button>}
      {asked && (
        <>
          <button type="button" class="quiet" onClick={() => turn(false)}>Keep</button>
          <button type="button" class="quiet danger" aria-label={`Really delete ${name}`} onClick={onRemove}>Really delete</button>
        </>
      )}
    </span>
  );
}

/**
 * Keeps the focus in a place whose control is replaced by another when `what`
 * changes: the function returned says that the reader caused it.
 */
function useFocusAfter(place: { current: HTMLElement | null }, what: boolean): () => void {
  const caused = useRef(false);
  useEffect(() => {
    if (caused.current) place.current?.querySelector<HTMLElement>('button, select')?.focus();
    caused.current = false;
  }, [what]);
  return () => {
    caused.current = true;
  };
}
