package api

import (
	"context"
	"encoding/json"

	"millrace/internal/enrich"
	"millrace/internal/event"
	"millrace/oltp"
)

// The event types that link identities.
const (
	typeIdentify = "identify" // anonymous_id is user_id from now on
	typeAlias    = "alias"    // properties.previous_id is user_id from now on
)

// identityOf is the id that an event counts under.
func identityOf(ev *event.Event) oltp.Identity {
	if ev.UserID != "" {
		return oltp.Identity{Scope: oltp.ScopeUser, ID: ev.UserID}
	}
	return oltp.Identity{Scope: oltp.ScopeAnonymous, ID: ev.AnonymousID}
}

// linksOf are the links that an event asks for.
func linksOf(ev *event.Event) []oltp.IdentityLink {
	if ev.UserID == "" {
		return nil
	}
	switch ev.Type {
	case typeIdentify:
		if ev.AnonymousID != "" {
			return []oltp.IdentityLink{{From: oltp.Identity{Scope: oltp.ScopeAnonymous, ID: ev.AnonymousID}, To: ev.UserID}}
		}
	case typeAlias:
		// The previous id may have been either.
		if previous := previousID(ev.Properties); previous != "" && previous != ev.UserID {
			return []oltp.IdentityLink{
				{From: oltp.Identity{Scope: oltp.ScopeAnonymous, ID: previous}, To: ev.UserID},
				{From: oltp.Identity{Scope: oltp.ScopeUser, ID: previous}, To: ev.UserID},
			}
		}
	}
	return nil
}

func previousID(properties json.RawMessage) string {
	var p struct {
		PreviousID string `json:"previous_id"`
	}
	if len(properties) == 0 || json.Unmarshal(properties, &p) != nil {
		return ""
	}
	return p.PreviousID
}

// link gives events the user that their id means by now, so that all of a user's
// events have one key on the broker. Links count from the event that makes them:
// events before it, in this request too, stay as they are.
//
// Without Postgres events are taken as they came, and counted: a click that is
// attributed late is worth more than one that is lost.
func (s *Server) link(ctx context.Context, events []incoming) {
	if s.deps.Identities == nil || len(events) == 0 {
		return
	}
	users := s.resolve(ctx, events)
	made := s.makeLinks(ctx, events, users)
	for i := range events {
		in := &events[i]
		links := linksOf(&in.ev)
		relabel(in, users[identityOf(&in.ev)], s.metrics)
		for _, l := range links {
			apply(users, l.From, made[l])
		}
	}
}

// resolve asks which users the ids of events mean.
func (s *Server) resolve(ctx context.Context, events []incoming) map[oltp.Identity]string {
	ids, seen := []oltp.Identity{}, map[oltp.Identity]bool{}
	want := func(id oltp.Identity) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for i := range events {
		want(identityOf(&events[i].ev))
		for _, l := range linksOf(&events[i].ev) {
			want(l.From)
		}
	}
	users, err := s.deps.Identities.Resolve(ctx, ids)
	if err != nil {
		s.metrics.identityFailures.WithLabelValues("resolve").Inc()
		s.metrics.unresolved.Add(float64(len(events)))
		s.log.Debug("identities were not resolved", "events", len(events), "error", err)
	}
	if users == nil {
		users = map[oltp.Identity]string{}
	}
	return users
}

// makeLinks records the links that events ask for and that do not exist yet. It
// returns the user that each link leads to.
func (s *Server) makeLinks(ctx context.Context, events []incoming, users map[oltp.Identity]string) map[oltp.IdentityLink]string {
	var links []oltp.IdentityLink
	made := map[oltp.IdentityLink]string{}
	for i := range events {
		for _, l := range linksOf(&events[i].ev) {
			_, asked := made[l]
			if known := users[l.From]; !asked && (known == "" || known != l.To) {
				links, made[l] = append(links, l), ""
			}
		}
	}
	if len(links) == 0 {
		return made
	}
	results, err := s.deps.Identities.Link(ctx, links)
	if err != nil {
		s.metrics.identityFailures.WithLabelValues("link").Inc()
		s.metrics.links.WithLabelValues("lost").Add(float64(len(links)))
		s.log.Debug("identity links were not recorded; the next identify of these users makes them", "links", len(links), "error", err)
		return made
	}
	for i, r := range results {
		s.metrics.links.WithLabelValues(string(r.Outcome)).Inc()
		if r.Outcome != oltp.LinkCycle { // then the id is where the chain ends
			made[links[i]] = r.User
		}
	}
	return made
}

// apply lets a link count for the events after it.
func apply(users map[oltp.Identity]string, from oltp.Identity, user string) {
	if user == "" {
		return
	}
	users[from] = user
	if from.Scope != oltp.ScopeUser {
		return
	}
	for id, u := range users {
		if u == from.ID {
			users[id] = user
		}
	}
}

// relabel gives an event its user. A user id that it replaces is kept beside it.
func relabel(in *incoming, user string, m *metrics) {
	if user == "" || user == in.ev.UserID {
		return
	}
	var added enrich.Members
	added.Text("$aliased_from", in.ev.UserID)
	in.ev.Properties = added.Before(in.ev.Properties)
	in.ev.UserID, in.linked = user, true
	m.linked.Inc()
}
