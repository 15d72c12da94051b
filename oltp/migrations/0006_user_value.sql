-- What an average purchase is, what was given back, and what is left: the
-- lifetime value so far. Decimals by currency, as text, like the others.
ALTER TABLE user_stats
    ADD COLUMN average_order       jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN refunds_by_currency jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN value_by_currency   jsonb NOT NULL DEFAULT '{}';

-- Everyone has to be copied once more.
UPDATE sync_state SET stored_before = 'epoch' WHERE name = 'user_stats';
