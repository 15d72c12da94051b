import { read } from '../api';
import { Answered } from '../panels/answered';
import { Panel } from '../panels/panel';
import { hrefOf } from '../route';
import { useAnswer, useEvery } from '../use-answer';
import { Found } from './found';
import { RuleForm } from './form';
import type { Rule } from './rule';
import { Rules } from './rules';

/** The rules and what they have found; with `rule`, the form of that one above. */
export function Alerts({ rule }: { rule: string | null }) {
  const [list, again] = useAnswer((signal) => read<{ rules: Rule[] }>('v1/alert-rules', signal), []);
  useEvery(10_000, rule === null, again);
  const saved = () => {
    again();
    location.hash = hrefOf('alerts');
  };
  return (
    <main id="figures" tabIndex={-1}>
      <div class="stack">
        {rule === 'new' && <RuleForm key="new" rule={null} onSaved={saved} />}
        {rule !== null && rule !== 'new' && <Change key={rule} id={rule} onSaved={saved} />}
        <Panel name="rules" title="Rules" about={rule === null ? <a class="quiet" href={hrefOf('alerts', 'new')}>New rule</a> : undefined}>
          <Answered of={list} onRetry={again}>{({ rules }) => <Rules rules={rules} onChange={again} />}</Answered>
        </Panel>
        <Found />
      </div>
    </main>
  );
}

/** The form of a rule, which is read anew: the list may be older. */
function Change({ id, onSaved }: { id: string; onSaved(): void }) {
  const [rule, again] = useAnswer((signal) => read<Rule>(`v1/alert-rules/${encodeURIComponent(id)}`, signal), [id]);
  if (rule.state === 'there') return <RuleForm rule={rule.value} onSaved={onSaved} />;
  return <div class="panel"><Answered of={rule} onRetry={again}>{() => null}</Answered></div>;
}
