-- Which ids are another user's: written by identify and alias, read by the
-- collector before an event goes to the broker.
--
-- to_id is always where a chain of links ends: no row of scope user has the
-- to_id of another row as its from_id. link_identity keeps it so.
CREATE TABLE identity_links (
    scope     text NOT NULL CHECK (scope IN ('anonymous', 'user')),
    from_id   text NOT NULL,
    to_id     text NOT NULL,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, from_id)
);

CREATE INDEX identity_links_to_id ON identity_links (to_id);

COMMENT ON TABLE identity_links IS 'Ids that mean another user; written only through link_identity.';
COMMENT ON COLUMN identity_links.scope IS 'anonymous: events without user_id that carry this anonymous_id. user: events with this user_id.';

-- link_identity records that an id means a user and says how that ended:
--   linked    from now on it does
--   known     it did already
--   conflict  it means another user already; the first link stays
--   cycle     the user is itself known under this id; nothing to do
-- root is the user that the id means now. Links take turns: two of them at once
-- could otherwise close a circle.
CREATE FUNCTION link_identity(link_scope text, link_from text, link_to text, OUT outcome text, OUT root text)
LANGUAGE plpgsql AS $$
DECLARE
    existing text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('millrace identity_links', 0));
    SELECT to_id INTO root FROM identity_links WHERE scope = 'user' AND from_id = link_to;
    root := coalesce(root, link_to);
    SELECT to_id INTO existing FROM identity_links WHERE scope = link_scope AND from_id = link_from;
    IF existing = root THEN
        outcome := 'known';
    ELSIF existing IS NOT NULL THEN
        outcome := 'conflict';
        root := existing;
    ELSIF root = link_from THEN
        outcome := 'cycle';
    ELSE
        outcome := 'linked';
        INSERT INTO identity_links (scope, from_id, to_id) VALUES (link_scope, link_from, root);
        IF link_scope = 'user' THEN
            UPDATE identity_links SET to_id = root WHERE to_id = link_from;
        END IF;
        PERFORM pg_notify('millrace_identity_links', json_build_object('scope', link_scope, 'id', link_from)::text);
    END IF;
END
$$;
