package event

import (
	"fmt"
	"strconv"
	"strings"

	"millrace/internal/nearest"
)

// rejectUnknown refuses a name that envelope or context does not have.
func (d *Decoder) rejectUnknown(value []byte) *Reject {
	end := quoteEnd(value, d.at, len(value))
	name := nameText(value[d.at:end])
	path := []place{{object: true, named: true, name: name}}
	object := "an event"
	if d.in == sectionContext {
		path = append([]place{{object: true, named: true, name: "context"}}, path...)
		object = "context"
	}
	return &Reject{ReasonUnknownField, joinPointer(path), fmt.Sprintf("%s is not a field of %s. %s Free data goes under properties.",
		strconv.Quote(excerpt([]byte(name))), object, d.in.advice(name))}
}

// advice says what was probably meant by an unknown name.
func (s section) advice(name string) string {
	plain := plainName(name)
	for _, other := range []section{s, sectionEnvelope, sectionContext, sectionProperties} {
		for _, known := range other.names() {
			if plain == plainName(known) {
				return other.suggestion(s, known)
			}
		}
	}
	if known, ok := s.synonym(plain); ok {
		return s.suggestion(s, known)
	}
	byPlain := map[string]string{}
	var candidates []string
	for _, known := range s.names() {
		byPlain[plainName(known)] = known
		candidates = append(candidates, plainName(known))
	}
	if found := nearest.Name(plain, candidates); found != "" {
		return s.suggestion(s, byPlain[found])
	}
	return fmt.Sprintf("The fields are %s.", strings.Join(s.names(), ", "))
}

// suggestion points to a known name, seen from the section asked.
func (s section) suggestion(asked section, known string) string {
	switch {
	case s == asked:
		return fmt.Sprintf("Did you mean %q?", known)
	case s == sectionEnvelope:
		return fmt.Sprintf("Did you mean %q of the event itself, outside context?", known)
	case s == sectionContext:
		return fmt.Sprintf("Did you mean %q under context?", known)
	default:
		return fmt.Sprintf("Did you mean %q under properties?", known)
	}
}

// synonym knows what other products call the fields of the envelope.
func (s section) synonym(plain string) (known string, ok bool) {
	if s == sectionContext {
		known, ok = map[string]string{
			"ua": "user_agent", "agent": "user_agent", "ipaddress": "ip", "ipaddr": "ip", "url": "page", "path": "page",
			"ref": "referrer", "referer": "referrer", "version": "app_version", "lang": "locale", "language": "locale",
			"countrycode": "country", "devicetype": "device",
		}[plain]
		return known, ok
	}
	known, ok = map[string]string{
		"event": "type", "eventtype": "type", "eventname": "type", "name": "type", "action": "type",
		"id": "event_id", "messageid": "event_id", "uuid": "event_id", "insertid": "event_id",
		"time": "timestamp", "ts": "timestamp", "date": "timestamp", "createdat": "timestamp", "eventtime": "timestamp", "occurredat": "timestamp",
		"user": "user_id", "uid": "user_id", "distinctid": "user_id", "customer": "user_id", "customerid": "user_id",
		"visitorid": "anonymous_id", "deviceid": "anonymous_id", "session": "session_id",
		"props": "properties", "data": "properties", "payload": "properties", "params": "properties", "attributes": "properties",
	}[plain]
	return known, ok
}

// plainName is a name without what people write differently: case and joints.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(name[:min(len(name), 64)]))
}
