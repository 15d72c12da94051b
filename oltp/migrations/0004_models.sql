-- Trained models. A row never changes: a new training is a new version, and what
-- is in use is said by the promotions.
CREATE TABLE models (
    name          text NOT NULL CHECK (name <> ''),
    version       integer NOT NULL CHECK (version > 0),
    created_at    timestamptz NOT NULL DEFAULT now(),
    trained_from  timestamptz NOT NULL,
    trained_until timestamptz NOT NULL,
    code_version  text NOT NULL,
    parameters    jsonb NOT NULL,
    metrics       jsonb NOT NULL,
    PRIMARY KEY (name, version)
);

COMMENT ON TABLE models IS 'Every trained version of every model.';
COMMENT ON COLUMN models.trained_until IS 'Nothing at or after this instant was read in training; what the metrics were measured on may lie later.';

-- Which version was put to use when, and why. The latest row of a name is the
-- version in use, so there is never more than one; going back to an old version
-- is one more row.
CREATE TABLE model_promotions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    version     integer NOT NULL,
    promoted_at timestamptz NOT NULL DEFAULT now(),
    reason      text NOT NULL,
    FOREIGN KEY (name, version) REFERENCES models
);

CREATE INDEX model_promotions_name ON model_promotions (name, id);

-- What models say of users: one row per model and user, the latest.
CREATE TABLE predictions (
    model   text NOT NULL,
    user_id text NOT NULL,
    version integer NOT NULL,
    as_of   timestamptz NOT NULL,
    score   double precision NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (model, user_id)
) WITH (fillfactor = 80);

CREATE INDEX predictions_score ON predictions (model, score DESC, user_id);

COMMENT ON COLUMN predictions.as_of IS 'Events before this instant were looked at.';
COMMENT ON COLUMN predictions.score IS 'The figure that users are sorted by; for churn the probability, 0 to 1.';
COMMENT ON COLUMN predictions.details IS 'Whatever else the model says of the user.';

-- What the churn models know of a user.
CREATE TABLE churn_features (
    user_id  text PRIMARY KEY,
    as_of    timestamptz NOT NULL,
    features jsonb NOT NULL
) WITH (fillfactor = 80);

COMMENT ON COLUMN churn_features.features IS 'Value by name of feature; one that is 0 is left out.';

-- How far today's users are from those that a version was trained on: the
-- latest measurement of each version.
CREATE TABLE model_drift (
    name       text NOT NULL,
    version    integer NOT NULL,
    as_of      timestamptz NOT NULL,
    users      bigint NOT NULL,
    score      double precision NOT NULL,
    features   jsonb NOT NULL,
    PRIMARY KEY (name, version),
    FOREIGN KEY (name, version) REFERENCES models
);

COMMENT ON COLUMN model_drift.score IS 'Population stability index of the score; features holds that of each feature, by name.';
