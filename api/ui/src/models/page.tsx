import { useState } from 'preact/hooks';

import { read, send } from '../api';
import { Answered, Trouble } from '../panels/answered';
import { Panel } from '../panels/panel';
import { useAnswer, useEvery } from '../use-answer';
import { ChurnReport } from './churn-report';
import { DriftTable } from './drift';
import { LifetimeReport } from './lifetime-report';
import { type Details, isChurn, isLifetime, type Model, titleOf, versionOf } from './model';
import { Versions } from './versions';

/** Every model with its versions, and what was measured of one of them. */
export function Models({ name, version }: { name: string | null; version: number | null }) {
  const [list, again] = useAnswer((signal) => read<{ models: Model[] }>('v1/models', signal), []);
  const training = list.state === 'there' && list.value.models.some((model) => model.training.state === 'running');
  useEvery(2000, training, again);
  return (
    <main id="figures" tabIndex={-1}>
      <Answered of={list} onRetry={again}>
        {({ models }) => {
          const shown = models.filter((model) => name === null || model.name === name);
          if (shown.length === 0) return <p class="lead">There is no model {name}. <a href="#/models">All models</a></p>;
          return shown.map((model) => <One key={model.name} model={model} version={version} onChange={again} />);
        }}
      </Answered>
    </main>
  );
}

function One({ model, version, onChange }: { model: Model; version: number | null; onChange(): void }) {
  const shown = versionOf(model, version);
  return (
    <section class="model" aria-label={titleOf(model.name)}>
      <div class="grid">
        <Panel name={`model-${model.name}`} title={titleOf(model.name)} about={model.name}>
          <Condition model={model} onChange={onChange} />
          <Versions model={model} shown={shown} onChange={onChange} />
        </Panel>
        {shown !== null && <Report name={model.name} version={shown} current={model.current} />}
      </div>
    </section>
  );
}

/** Whether the model is in use and how its training is doing, with the button that starts one. */
function Condition({ model, onChange }: { model: Model; onChange(): void }) {
  const [fault, setFault] = useState<unknown>(null);
  const { training } = model;
  const running = training.state === 'running';
  const train = async () => {
    if (running) return;
    try {
      await send('POST', `v1/models/${encodeURIComponent(model.name)}/train`);
      setFault(null);
    } catch (error) {
      setFault(error);
    }
    onChange();
  };
  return (
    <div class="condition">
      <div aria-live="polite">
        <p>
          {model.current === null
            ? <>No version is in use, so nobody has a score. Training takes a few weeks of events.</>
            : <><span class="chip good">in use</span> version <strong data-testid={`current-${model.name}`}>{model.current}</strong></>}
        </p>
        {training.state !== 'idle' && (
          <p class={training.state === 'failed' ? 'fault' : 'about'}>
            {running ? 'Training: ' : training.state === 'failed' ? 'The last training failed: ' : 'Last training: '}{training.detail ?? ''}
          </p>
        )}
        {fault !== null && <Trouble error={fault} />}
      </div>
      <button type="button" class="quiet" aria-disabled={running} onClick={() => void train()}>{running ? 'Training…' : 'Train now'}</button>
    </div>
  );
}

function Report({ name, version, current }: { name: string; version: number; current: number | null }) {
  const path = `v1/models/${encodeURIComponent(name)}/versions/${version}`;
  const [details, again] = useAnswer((signal) => read<Details>(path, signal), [path, current]);
  if (details.state !== 'there') {
    return <div class="panel whole"><Answered of={details} onRetry={again}>{() => null}</Answered></div>;
  }
  const { metrics, drift } = details.value;
  return (
    <>
      {isChurn(metrics) && <ChurnReport metrics={metrics} version={version} />}
      {isLifetime(metrics) && <LifetimeReport metrics={metrics} version={version} />}
      {!isChurn(metrics) && !isLifetime(metrics) && <Raw metrics={metrics} version={version} />}
      {(drift !== null || isChurn(metrics)) && <DriftTable name={name} drift={drift} />}
    </>
  );
}

/** What a model says of itself in fields that this page does not know. */
function Raw({ metrics, version }: { metrics: unknown; version: number }) {
  return (
    <Panel name="raw" title={`Version ${version}`} about="as it was measured">
      <pre class="json" tabIndex={0} role="region" aria-label="Metrics">{JSON.stringify(metrics, null, 2)}</pre>
    </Panel>
  );
}
