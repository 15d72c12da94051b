import { useRef, useState } from 'preact/hooks';

import { send } from '../api';
import { f, NOTHING } from '../format';
import { Trouble } from '../panels/answered';
import { Time } from '../panels/facts';
import { Scroll } from '../panels/scroll';
import { hrefOf } from '../route';
import type { Model, Version } from './model';

interface Props {
  model: Model;
  /** The version whose figures stand below. */
  shown: number | null;
  onChange(): void;
}

/** All versions of a model, each with what it learnt from, and the button that puts it to use. */
export function Versions({ model, shown, onChange }: Props) {
  const [fault, setFault] = useState<unknown>(null);
  const [moved, setMoved] = useState<number | null>(null);
  const links = useRef<HTMLTableSectionElement>(null);
  const use = async (version: number) => {
    try {
      await send('POST', `v1/models/${encodeURIComponent(model.name)}/versions/${version}/promote`);
      setFault(null);
      setMoved(version);
      links.current?.querySelector<HTMLElement>(`[data-version="${version}"]`)?.focus(); // the button gives way to the word
    } catch (error) {
      setFault(error);
    }
    onChange();
  };
  if (model.versions.length === 0) return null;
  return (
    <>
      <Scroll label={`Versions of ${model.name}`}>
        <table class="wide-table" data-testid={`versions-${model.name}`}>
          <thead>
            <tr>
              <th scope="col">Version</th><th scope="col">Status</th><th scope="col">Learnt from</th><th scope="col">Trained</th><th scope="col">Last put to use</th>
            </tr>
          </thead>
          <tbody ref={links}>
            {model.versions.map((version) => (
              <Row key={version.version} name={model.name} version={version} shown={version.version === shown} onUse={() => void use(version.version)} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <div aria-live="polite">
        {fault !== null && <Trouble error={fault} />}
        {moved !== null && moved === model.current && <p class="about">Version {moved} is in use now. Scores follow within seconds to minutes.</p>}
      </div>
    </>
  );
}

function Row({ name, version, shown, onUse }: { name: string; version: Version; shown: boolean; onUse(): void }) {
  const now = new Date();
  const at = (time: string) => <Time at={time}>{f.clock(new Date(time), now)}</Time>;
  return (
    <tr class={shown ? 'shown' : undefined}>
      <th scope="row"><a data-version={version.version} href={hrefOf('models', name, version.version)} aria-current={shown ? 'true' : undefined}>{version.version}</a></th>
      <td>
        {version.current
          ? <span class="chip good">in use</span>
          : <button type="button" class="quiet" onClick={onUse} aria-label={`Use version ${version.version} of ${name}`}>{version.promoted_at === null ? 'Use it' : 'Restore'}</button>}
      </td>
      <td>{day(version.trained_from)} to {day(version.trained_until)}</td>
      <td>{at(version.created_at)} <span class="about">by {version.code_version}</span></td>
      <td>{version.promoted_at === null ? NOTHING : at(version.promoted_at)}</td>
    </tr>
  );
}

/** Ranges of training are days of UTC. */
function day(time: string) {
  return <Time at={time}>{f.bucket(new Date(time), 'day', 'UTC')}</Time>;
}
