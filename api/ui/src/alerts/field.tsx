import type { ComponentChildren } from 'preact';

/** The fault of a form: which field it is about, by JSON pointer, and what is wrong. */
export interface Fault {
  /** Null where it is about no field that is shown. */
  field: string | null;
  message: string;
}

interface Frame {
  /** JSON pointer of the field, by which faults find it. */
  at: string;
  label: string;
  hint?: string | undefined;
  fault: Fault | null;
}

const idOf = (at: string) => `field${at.replaceAll('/', '-')}`;

/** Puts the cursor into the field that a fault is about. */
export function focusField(at: string): void {
  document.getElementById(idOf(at))?.focus();
}

/** What ties a control to its label, hint and fault. */
function ties({ at, hint, fault }: Frame) {
  const wrong = fault?.field === at;
  const about = [hint === undefined ? '' : `${idOf(at)}-hint`, wrong ? `${idOf(at)}-fault` : ''].filter((id) => id !== '').join(' ');
  return { id: idOf(at), name: at, 'aria-invalid': wrong ? 'true' as const : undefined, 'aria-describedby': about === '' ? undefined : about };
}

function Framed({ frame, children }: { frame: Frame; children: ComponentChildren }) {
  const { at, label, hint, fault } = frame;
  return (
    <div class="field">
      <label for={idOf(at)}>{label}</label>
      {children}
      {hint !== undefined && <p class="about" id={`${idOf(at)}-hint`}>{hint}</p>}
      {fault?.field === at && <p class="fault" id={`${idOf(at)}-fault`}>{fault.message}</p>}
    </div>
  );
}

interface Typed extends Frame {
  value: string;
  onChange(value: string): void;
}

/** A line of text, or a number with type. */
export function Text({ value, onChange, type = 'text', placeholder, ...frame }: Typed & { type?: 'text' | 'number' | 'url' | 'password'; placeholder?: string }) {
  return (
    <Framed frame={frame}>
      <input
        {...ties(frame)} type={type as 'text' /* the types know literals only */} {...(type === 'number' ? { step: 'any' } : {})} placeholder={placeholder}
        autocomplete={type === 'password' ? 'new-password' : 'off'} spellcheck={false} value={value} onInput={(e) => onChange(e.currentTarget.value)}
      />
    </Framed>
  );
}

/** Several lines of text. */
export function Lines({ value, onChange, placeholder, ...frame }: Typed & { placeholder?: string }) {
  return (
    <Framed frame={frame}>
      <textarea
        {...ties(frame)} rows={Math.min(14, Math.max(2, value.split('\n').length))} placeholder={placeholder} spellcheck={false}
        value={value} onInput={(e) => onChange(e.currentTarget.value)}
      />
    </Framed>
  );
}

interface Choice {
  value: string;
  name: string;
}

/** One of several. */
export function Select({ value, onChange, choices, ...frame }: Typed & { choices: readonly Choice[] }) {
  return (
    <Framed frame={frame}>
      <select {...ties(frame)} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
        {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.name}</option>)}
      </select>
    </Framed>
  );
}

/** Any of several. */
export function Checks({ value, onChange, choices, ...frame }: Frame & { value: string[]; onChange(value: string[]): void; choices: readonly string[] }) {
  const { at, label, hint, fault } = frame;
  const turn = (choice: string, on: boolean) => onChange(choices.filter((c) => (c === choice ? on : value.includes(c))));
  return (
    <fieldset class="field checks" aria-describedby={ties(frame)['aria-describedby']}>
      <legend>{label}</legend>
      {choices.map((choice, i) => (
        <label key={choice}>
          <input {...(i === 0 ? { id: idOf(at) } : {})} type="checkbox" checked={value.includes(choice)} onChange={(e) => turn(choice, e.currentTarget.checked)} /> {choice}
        </label>
      ))}
      {hint !== undefined && <p class="about" id={`${idOf(at)}-hint`}>{hint}</p>}
      {fault?.field === at && <p class="fault" id={`${idOf(at)}-fault`}>{fault.message}</p>}
    </fieldset>
  );
}

/** A choice whose names are its values. */
export const same = (...values: string[]): Choice[] => values.map((value) => ({ value, name: value }));
