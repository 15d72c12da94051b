import { useEffect, useRef, useState } from 'preact/hooks';

import { Refusal, send, sentence } from '../api';
import { Panel } from '../panels/panel';
import { hrefOf } from '../route';
import { ChannelFields } from './channel-fields';
import { type Fault, focusField, same, Select, Text } from './field';
import { bodyOf, type Draft, draftOf, emptyDraft, fieldOf, type Kind, kinds, type Rule } from './rule';
import { WatchFields } from './watch-fields';

/** Makes a rule, or changes one. What the server refuses stands beside the field that it names. */
export function RuleForm({ rule, onSaved }: { rule: Rule | null; onSaved(rule: Rule): void }) {
  const [draft, setDraft] = useState<Draft>(() => (rule === null ? emptyDraft : draftOf(rule)));
  const [fault, setFault] = useState<Fault | null>(null);
  const busy = useRef(false);
  const change = (changes: Partial<Draft>) => setDraft({ ...draft, ...changes });
  useEffect(() => {
    if (fault !== null && fault.field !== null) focusField(fault.field);
  }, [fault]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (busy.current) return; // a second press must not make a second rule
    busy.current = true;
    try {
      const body = bodyOf(draft);
      setFault(null);
      onSaved(await (rule === null ? send<Rule>('POST', 'v1/alert-rules', body) : send<Rule>('PUT', `v1/alert-rules/${encodeURIComponent(rule.id)}`, body)));
    } catch (error) {
      setFault(faultOf(draft, error));
    } finally {
      busy.current = false;
    }
  };

  return (
    <Panel name="rule-form" title={rule === null ? 'A new rule' : `Change “${rule.name}”`}>
      <form class="rule" noValidate onSubmit={(event) => void submit(event)}>
        {fault !== null && fault.field === null && <p class="fault" role="alert">{fault.message}</p>}
        <Fields draft={draft} fault={fault} onChange={change} />
        <ChannelFields channels={draft.channels} fault={fault} onChange={(channels) => change({ channels })} />
        <div class="buttons">
          <button type="submit" class="main">{rule === null ? 'Make the rule' : 'Save'}</button>
          <a class="quiet" href={hrefOf('alerts')}>Cancel</a>
        </div>
      </form>
    </Panel>
  );
}

function Fields({ draft, fault, onChange }: { draft: Draft; fault: Fault | null; onChange(changes: Partial<Draft>): void }) {
  const text = (name: 'name' | 'every' | 'for' | 'keep_firing_for' | 'missing' | 'severity' | 'labels') =>
    ({ at: `/${name}`, fault, value: draft[name], onChange: (value: string) => onChange({ [name]: value }) });
  return (
    <>
      <div class="columns">
        <Text label="Name" {...text('name')} placeholder="Few purchases" />
        <Select label="Severity" {...text('severity')} choices={same('info', 'warning', 'critical')} />
        <Select label="Watch" at="/watch/kind" fault={fault} value={draft.kind} choices={kinds} onChange={(kind) => onChange({ kind: kind as Kind })} />
      </div>
      <WatchFields draft={draft} fault={fault} onChange={onChange} />
      <div class="columns">
        <Text label="Look every" {...text('every')} hint="Such as 30s, 5m, 1d." />
        <Text label="Fire when it has held for" {...text('for')} />
        <Text label="Resolve when gone for" {...text('keep_firing_for')} />
        <Select label="While nothing is known" {...text('missing')} choices={missing} />
      </div>
      <Text label="Labels" {...text('labels')} placeholder="team=shop, tier=1" />
    </>
  );
}

const missing = [
  { value: 'keep', name: 'keep the alert as it is' },
  { value: 'fire', name: 'fire' },
  { value: 'resolve', name: 'resolve' },
];

function faultOf(draft: Draft, error: unknown): Fault {
  if (error instanceof SyntaxError) return { field: '/watch/query', message: `This is no JSON: ${error.message}. One line of the language will do, too.` };
  return { field: error instanceof Refusal ? fieldOf(draft, error.field) : null, message: sentence(error) };
}
