package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"millrace/internal/alert"
	"millrace/oltp"
)

// secretKeys reads the keys of --secrets-key-file; nil where there is none.
func (o *upOptions) secretKeys() (*alert.Keys, error) {
	if o.secretsKeyFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.secretsKeyFile)
	if err != nil {
		return nil, fmt.Errorf("--secrets-key-file: %w", err)
	}
	keys, err := alert.ReadKeys(text)
	if err != nil {
		return nil, fmt.Errorf("--secrets-key-file %s: %w", o.secretsKeyFile, err)
	}
	return keys, nil
}

// sealedRules is the store of rules as the API sees it: secrets are sealed on
// their way into Postgres, and open on their way out.
type sealedRules struct {
	*oltp.Store
	keys *alert.Keys
}

func (s sealedRules) AlertRules(ctx context.Context) ([]oltp.AlertRule, error) {
	rules, err := s.Store.AlertRules(ctx)
	for i := range rules {
		if err == nil {
			rules[i], err = s.open(rules[i], nil)
		}
	}
	return rules, err
}

func (s sealedRules) AlertRule(ctx context.Context, id string) (oltp.AlertRule, error) {
	return s.open(s.Store.AlertRule(ctx, id))
}

func (s sealedRules) CreateAlertRule(ctx context.Context, r oltp.AlertRule) (oltp.AlertRule, error) {
	return s.write(ctx, r, s.Store.CreateAlertRule)
}

func (s sealedRules) UpdateAlertRule(ctx context.Context, r oltp.AlertRule) (oltp.AlertRule, error) {
	return s.write(ctx, r, s.Store.UpdateAlertRule)
}

func (s sealedRules) SilenceAlertRule(ctx context.Context, id string, until time.Time) (oltp.AlertRule, error) {
	return s.open(s.Store.SilenceAlertRule(ctx, id, until))
}

func (s sealedRules) write(ctx context.Context, r oltp.AlertRule, write func(context.Context, oltp.AlertRule) (oltp.AlertRule, error)) (oltp.AlertRule, error) {
	sealed, err := changeRule(r, s.keys.Seal)
	if err != nil {
		return sealed, err
	}
	return s.open(write(ctx, sealed))
}

func (s sealedRules) open(r oltp.AlertRule, err error) (oltp.AlertRule, error) {
	if err != nil {
		return r, err
	}
	return changeRule(r, s.keys.Open)
}

// changeRule changes what a rule says.
func changeRule(kept oltp.AlertRule, change func(alert.Rule) alert.Rule) (oltp.AlertRule, error) {
	r, err := readAlertRule(kept.ID, kept.Definition)
	if err == nil {
		kept.Definition, err = json.Marshal(change(r))
	}
	return kept, err
}

// sealRules seals the secrets that lie in Postgres as they are, or by a key that
// is no longer the first.
func (s sealedRules) sealRules(ctx context.Context) (changed int, open bool, err error) {
	rules, err := s.Store.AlertRules(ctx)
	if err != nil {
		return 0, false, err
	}
	for _, kept := range rules {
		r, err := readAlertRule(kept.ID, kept.Definition)
		if err != nil {
			return changed, open, err
		}
		open = open || r.HasOpenSecrets()
		if s.keys.Current(r) {
			continue
		}
		sealed, err := json.Marshal(s.keys.Seal(r))
		if err == nil {
			err = s.Store.ReplaceAlertDefinition(ctx, kept.ID, kept.Definition, sealed)
		}
		if err != nil {
			return changed, open, err
		}
		changed++
	}
	return changed, open && s.keys == nil, nil
}

// openSecrets seals what is to be sealed, and says where nothing is.
func (p *plant) openSecrets(ctx context.Context) (err error) {
	if p.rules.keys, err = p.options.secretKeys(); err != nil {
		return err
	}
	p.rules.Store = p.users
	changed, open, err := p.rules.sealRules(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("seal the secrets of alert rules: %w", err)
	case changed > 0:
		p.app.log.Info("secrets of alert rules were sealed", "rules", changed)
	case open:
		p.app.log.Warn("secrets of alert rules lie in Postgres as they are; --secrets-key-file seals them")
	}
	return nil
}
