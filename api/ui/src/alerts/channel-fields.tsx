import { useEffect, useRef } from 'preact/hooks';

import { type Fault, focusField, same, Select, Text } from './field';
import { type ChannelDraft, emptyChannel } from './rule';

interface Props {
  channels: ChannelDraft[];
  fault: Fault | null;
  onChange(channels: ChannelDraft[]): void;
}

/** Whom to tell. */
export function ChannelFields({ channels, fault, onChange }: Props) {
  const change = (i: number, changes: Partial<ChannelDraft>) => onChange(channels.map((channel, at) => (at === i ? { ...channel, ...changes } : channel)));
  const more = useRef<HTMLButtonElement>(null);
  const before = useRef(channels.length);
  useEffect(() => {
    // The focus goes to what was added, and does not vanish with what was removed.
    if (channels.length > before.current) focusField(`/channels/${channels.length - 1}/kind`);
    if (channels.length < before.current) more.current?.focus();
    before.current = channels.length;
  }, [channels.length]);
  return (
    <fieldset class="channels">
      <legend>Channels</legend>
      {channels.length === 0 && <p class="nothing">Nobody is told; alerts stand in the list below all the same.</p>}
      {channels.map((channel, i) => (
        <div key={i} class="channel" role="group" aria-label={`Channel ${i + 1}`}>
          <One channel={channel} at={`/channels/${i}`} fault={fault} onChange={(changes) => change(i, changes)} />
          <button type="button" class="quiet" onClick={() => onChange(channels.filter((_, at) => at !== i))}>Remove channel {i + 1}</button>
        </div>
      ))}
      <button type="button" class="quiet" ref={more} onClick={() => onChange([...channels, emptyChannel])}>Add a channel</button>
    </fieldset>
  );
}

function One({ channel, at, fault, onChange }: { channel: ChannelDraft; at: string; fault: Fault | null; onChange(changes: Partial<ChannelDraft>): void }) {
  const text = (name: 'name' | 'url' | 'secret' | 'to') =>
    ({ at: `${at}/${name}`, fault, value: channel[name], onChange: (value: string) => onChange({ [name]: value }) });
  const kept = channel.secretSet ? 'Never shown. Left empty, it stays as it is.' : undefined;
  return (
    <div class="columns">
      <Select
        label="Kind" at={`${at}/kind`} fault={fault} value={channel.kind} choices={same('webhook', 'slack', 'email')}
        onChange={(kind) => onChange({ kind: kind as ChannelDraft['kind'] })}
      />
      <Text label="Name" {...text('name')} placeholder={channel.kind} />
      {channel.kind === 'email' && <Text label="Addresses" {...text('to')} hint="Separated by commas." />}
      {channel.kind !== 'email' && <Text label="Address" type="url" {...text('url')} hint={channel.kind === 'slack' ? kept : undefined} />}
      {channel.kind === 'webhook' && <Text label="Secret" type="password" {...text('secret')} hint={kept ?? 'Signs each message: 16 bytes or more, known to both.'} />}
    </div>
  );
}
