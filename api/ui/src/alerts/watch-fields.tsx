import { Checks, type Fault, Lines, same, Select, Text } from './field';
import type { Draft } from './rule';

interface Props {
  draft: Draft;
  fault: Fault | null;
  /** Takes what was changed. */
  onChange(changes: Partial<Draft>): void;
}

/** The fields of what is watched, which depend on its kind. */
export function WatchFields({ draft, fault, onChange }: Props) {
  /** A field of the watch, by the name that server and draft share. */
  const text = (name: 'query' | 'series' | 'figure' | 'of' | 'is' | 'threshold' | 'probability' | 'limit' | 'min_score' | 'model' | 'stages' | 'lag_seconds') =>
    ({ at: `/watch/${name}`, fault, value: draft[name], onChange: (value: string) => onChange({ [name]: value }) });
  const list = (name: 'decisions' | 'severities' | 'states') =>
    ({ at: `/watch/${name}`, fault, value: draft[name], onChange: (value: string[]) => onChange({ [name]: value }) });
  switch (draft.kind) {
    case 'query':
      return (
        <>
          <Lines label="Question" {...text('query')} placeholder="trends purchase last 1h" hint="One line of the language, or a query as JSON, as to POST /v1/query." />
          <div class="columns">
            <Select label="Take its" {...text('of')} choices={ofs} />
            <Select label="and fire when it is" {...text('is')} choices={same('<', '<=', '>', '>=', '=', '!=')} />
            <Text label="Threshold" type="number" {...text('threshold')} />
          </div>
          <details>
            <summary>Another series or figure</summary>
            <div class="columns">
              <Text label="Series" {...text('series')} hint="Of trends: its name; else the first." />
              <Text label="Figure" {...text('figure')} hint="Of other questions: a JSON pointer into the result, such as /steps/1/count." />
            </div>
          </details>
        </>
      );
    case 'churn':
      return (
        <div class="columns">
          <Text label="Probability from" type="number" {...text('probability')} hint="Above 0 and up to 1." />
          <Text label="Users looked at" type="number" {...text('limit')} hint="Those most at risk, 1000 at most." />
        </div>
      );
    case 'fraud':
      return (
        <div class="columns">
          <Checks label="Decisions" {...list('decisions')} choices={['review', 'block']} />
          <Text label="Score from" type="number" {...text('min_score')} hint="0 to 1; empty for any." />
        </div>
      );
    case 'incident':
      return <Checks label="Severities" {...list('severities')} choices={['low', 'medium', 'high']} hint="None chosen: all." />;
    case 'drift':
      return (
        <div class="columns">
          <Text label="Model" {...text('model')} />
          <Text label="Stability index above" type="number" {...text('threshold')} hint="0.1 is some drift, 0.25 is much; empty for 0.25." />
        </div>
      );
    case 'pipeline':
      return (
        <div class="columns">
          <Checks label="States" {...list('states')} choices={['failing', 'behind']} />
          <Text label="Stages" {...text('stages')} hint="Names, separated by commas; empty for all." />
          <Text label="or later than, in seconds" type="number" {...text('lag_seconds')} hint="Empty for no such bound." />
        </div>
      );
  }
}

const ofs = [
  { value: 'value', name: 'figure' },
  { value: 'change', name: 'change since the period before' },
  { value: 'change_ratio', name: 'relative change' },
];
