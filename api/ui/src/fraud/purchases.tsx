import { f } from '../format';
import { Effects } from '../panels/effects';
import { Time } from '../panels/facts';
import { hrefOf } from '../route';

/** A purchase that was judged, of GET /v1/fraud. */
export interface Purchase {
  event_id: string;
  user_id: string;
  timestamp: string;
  amount: string | null;
  currency: string;
  country: string;
  score: number;
  decision: 'allow' | 'review' | 'block';
  reasons: { reason: string; effect: number; detail: string }[];
  model_version: number;
}

export interface PurchasePage {
  purchases: Purchase[];
  next_cursor: string | null;
}

/** Judged purchases with their reasons. Where all are of one user, the user is not repeated. */
export function Purchases({ purchases, ofOne = false }: { purchases: Purchase[]; ofOne?: boolean }) {
  const now = new Date();
  return (
    <ol class="purchases" data-testid="purchases">
      {purchases.map((purchase) => (
        <li key={purchase.event_id}>
          <div class="row">
            <span>
              <Decision of={purchase.decision} /> <strong>{price(purchase)}</strong>
              {!ofOne && <> by <a href={hrefOf('users', purchase.user_id)}>{purchase.user_id}</a></>}
              {purchase.country !== '' && `, ${purchase.country}`}
            </span>
            <span class="about">
              score {f.measure(purchase.score)}, <Time at={purchase.timestamp}>{f.clock(new Date(purchase.timestamp), now)}</Time>
            </span>
          </div>
          {purchase.reasons.length > 0 && (
            <Effects label="What speaks against it" effects={purchase.reasons.map((r) => ({ name: r.detail, effect: r.effect }))} />
          )}
        </li>
      ))}
    </ol>
  );
}

/** A decision in its colour, and in words. */
export function Decision({ of }: { of: Purchase['decision'] }) {
  return <span class={`chip ${of}`}>{of}</span>;
}

function price(purchase: Purchase): string {
  return purchase.amount === null ? 'an unknown amount' : f.money(purchase.amount, purchase.currency);
}
