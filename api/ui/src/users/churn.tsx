import { read, Refusal, send } from '../api';
import { f } from '../format';
import { Answered } from '../panels/answered';
import { Effects } from '../panels/effects';
import { Facts, Time } from '../panels/facts';
import { Track } from '../panels/funnel';
import { Panel } from '../panels/panel';
import { hrefOf } from '../route';
import { useAnswer } from '../use-answer';
import { expected, featureName, featureValue, type Lifetime, type Prediction, type User } from './user';

/** A prediction with the time that it is about, which its version knows. */
interface Outlook {
  prediction: Prediction;
  horizonDays: number;
}

async function outlook(id: string, signal: AbortSignal): Promise<Outlook> {
  const prediction = await send<Prediction>('POST', 'v1/predict/churn', { user_id: id }, signal);
  const { name, version } = prediction.model;
  const model = await read<{ parameters: { horizon_days: number } }>(`v1/models/${name}/versions/${version}`, signal);
  return { prediction, horizonDays: model.parameters.horizon_days };
}

/** What the logistic model says, which sees everything that a user does. */
export function Left({ id }: { id: string }) {
  const [answer, again] = useAnswer((signal) => outlook(id, signal), [id]);
  return (
    <Panel name="left" title="By activity" about="logistic regression">
      <Answered of={answer} onRetry={again}>{(value) => <Outcome {...value} />}</Answered>
      {answer.state === 'refused' && isUntrained(answer.error) && <ToModels />}
    </Panel>
  );
}

function Outcome({ prediction, horizonDays }: Outlook) {
  const { churn_probability: probability, features, reasons, model } = prediction;
  return (
    <>
      <p class="verdict">
        <strong data-testid="churn-probability" data-value={probability}>{f.share(probability, 1)}</strong>{' '}
        to stay away for {f.plural(horizonDays, 'day', 'days')}
      </p>
      <Track percent={probability * 100} />
      <h3>Why</h3>
      <Effects
        label="Reasons, the strongest first"
        effects={reasons.map((r) => ({ name: featureName(r.feature), detail: featureValue(features[r.feature]), effect: r.effect }))}
      />
      <p class="about">
        To the right speaks for staying away, to the left against it, compared with the average user of the training, in log-odds.
      </p>
      {prediction.features_from === 'statistics' && (
        <p class="about">Estimated from the user's totals: the latest pass over active users did not see this one, who came since or was not active for long.</p>
      )}
      <Origin model={model} asOf={prediction.as_of} />
    </>
  );
}

/** What BG/NBD and Gamma-Gamma say, which see purchases only. */
export function Bought({ user }: { user: User }) {
  return (
    <Panel name="bought" title="By purchases" about="BG/NBD and Gamma-Gamma">
      {user.lifetime === null ? <Unknown orders={user.orders} /> : <Worth lifetime={user.lifetime} />}
    </Panel>
  );
}

function Worth({ lifetime }: { lifetime: Lifetime }) {
  const { currency } = lifetime;
  return (
    <>
      <p class="verdict">
        <strong data-testid="p-alive" data-value={lifetime.p_alive}>{f.share(lifetime.p_alive, 1)}</strong> to buy again some day
      </p>
      <Track percent={lifetime.p_alive * 100} />
      <h3>What to expect</h3>
      <Facts
        facts={[
          { name: 'A purchase within 30 days', value: f.share(lifetime.purchase_probability_30d, 1), test: 'purchase-30d' },
          { name: 'Days with a purchase, 30 days', value: f.value(lifetime.expected_purchases_30d) },
          { name: 'Days with a purchase, 90 days', value: f.value(lifetime.expected_purchases_90d) },
          { name: 'Next purchase day', value: expected(lifetime.expected_spend, currency) },
          { name: 'Value of the next year', value: expected(lifetime.expected_value_365d, currency) },
        ]}
      />
      {lifetime.p_alive === 1 && (
        <p class="about">One who bought on a single day always has 100%: this model sees customers leave after a repeat purchase only. The 30 days tell more.</p>
      )}
      <Origin model={lifetime.model} asOf={lifetime.as_of} />
    </>
  );
}

/** Why there is nothing: no purchase, no model, or no score yet. */
function Unknown({ orders }: { orders: number }) {
  const [models, again] = useAnswer((signal) => read<{ models: { name: string; current: number | null }[] }>('v1/models', signal), []);
  if (orders === 0) return <p class="nothing">This user has not bought anything, so a model that sees purchases only has nothing to say.</p>;
  return (
    <Answered of={models} onRetry={again}>
      {({ models: all }) => {
        const trained = all.some((model) => model.name === 'bgnbd' && model.current !== null);
        if (trained) return <p class="nothing">Not scored yet. New purchases are, within a quarter of an hour.</p>;
        return (
          <>
            <p class="nothing">No version of this model is in use yet. Train one with "millrace train bgnbd" or POST /v1/models/bgnbd/train; it takes customers who bought repeatedly.</p>
            <ToModels />
          </>
        );
      }}
    </Answered>
  );
}

/** When to believe which of the two: docs/models.md says it at length. */
export function WhichToTrust() {
  return (
    <p class="panel which">
      Trust <strong>by activity</strong> on whether somebody who clicks, watches and logs in comes back soon, and{' '}
      <strong>by purchases</strong> on whether a customer will buy again and what they are worth; where the two disagree, think of one
      who is active without buying, or buys rarely but regularly.
    </p>
  );
}

function Origin({ model, asOf }: { model: Prediction['model']; asOf: string }) {
  return (
    <p class="about">
      <a href={hrefOf('models', model.name, model.version)}>{model.name}, version {model.version}</a>, from events before{' '}
      <Time at={asOf}>{f.clock(new Date(asOf), new Date())}</Time>
    </p>
  );
}

const isUntrained = (error: unknown) => error instanceof Refusal && error.status === 409;

function ToModels() {
  return <p><a href={hrefOf('models')}>Train it on the page of the models</a></p>;
}
