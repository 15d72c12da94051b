package event

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// The reference decoder: slow, obvious, built on encoding/json. It keeps the
// decoder honest in the fuzz and property tests.

// reference is what an event should become.
type reference struct {
	event     Event
	hot       map[string]string
	amount    int64
	hasAmount bool
	// reasons are those for which the event may be refused; it is accepted
	// exactly when there is none. Which one is found first is not specified.
	reasons map[Reason]bool
}

func (r *reference) refuse(reason Reason) { r.reasons[reason] = true }

// rawMember is one name and value, in the order of the text.
type rawMember struct {
	name  string
	value json.RawMessage
}

// rawMembers takes an object apart, repeated names included.
func rawMembers(object []byte) (members []rawMember) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if _, err := dec.Token(); err != nil {
		panic(err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			panic(err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			panic(err)
		}
		members = append(members, rawMember{name.(string), value})
	}
	return members
}

// refer decodes text slowly; ok is false where it is not one JSON object.
func refer(text []byte, limits Limits) (r *reference, ok bool) {
	trimmed := bytes.Trim(text, " \t\r\n")
	if !json.Valid(text) || !utf8.Valid(text) || trimmed[0] != '{' {
		return nil, false
	}
	r = &reference{hot: map[string]string{}, reasons: map[Reason]bool{}}
	if len(text) > limits.EventBytes {
		r.refuse(ReasonEventTooBig)
		r.refuse(ReasonPropertiesTooBig)
		return r, true
	}
	timestamp := r.envelope(trimmed, limits)
	r.checkEnvelope(timestamp, limits)
	return r, true
}

func (r *reference) envelope(text []byte, limits Limits) (timestamp *string) {
	ev := &r.event
	fields := map[string]*string{
		"event_id": &ev.ID, "type": &ev.Type, "user_id": &ev.UserID, "anonymous_id": &ev.AnonymousID, "session_id": &ev.SessionID,
	}
	for _, m := range rawMembers(text) {
		if depthOf(m.value) > limits.Depth {
			r.refuse(ReasonTooDeep)
		}
		switch m.name {
		case "timestamp":
			timestamp = r.text(m.value)
		case "properties":
			ev.Properties = nil
			if r.object(m.value) {
				ev.Properties = m.value
			}
		case "context":
			ev.Context = Context{}
			if r.object(m.value) {
				r.context(m.value)
			}
		default:
			r.set(fields[m.name], m.value)
		}
	}
	return timestamp
}

// set writes a value to the field of its name, which may not exist.
func (r *reference) set(dst *string, value json.RawMessage) {
	if dst == nil {
		r.refuse(ReasonUnknownField)
		return
	}
	*dst = ""
	if text := r.text(value); text != nil {
		*dst = *text
	}
}

func (r *reference) text(value json.RawMessage) *string {
	if string(value) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		r.refuse(ReasonWrongType)
	}
	return &text
}

func (r *reference) object(value json.RawMessage) bool {
	if value[0] != '{' && string(value) != "null" {
		r.refuse(ReasonWrongType)
	}
	return value[0] == '{'
}

func (r *reference) context(value json.RawMessage) {
	c := &r.event.Context
	fields := map[string]*string{
		"ip": &c.IP, "user_agent": &c.UserAgent, "country": &c.Country, "page": &c.Page, "referrer": &c.Referrer, "platform": &c.Platform,
		"app_version": &c.AppVersion, "device": &c.Device, "os": &c.OS, "browser": &c.Browser, "locale": &c.Locale,
	}
	for _, m := range rawMembers(value) {
		r.set(fields[m.name], m.value)
	}
}

func (r *reference) checkEnvelope(timestamp *string, limits Limits) {
	ev := &r.event
	if ev.Type == "" {
		r.refuse(ReasonMissingType)
	}
	if ev.UserID == "" && ev.AnonymousID == "" {
		r.refuse(ReasonMissingUser)
	}
	if len(ev.Properties) > limits.PropertiesBytes {
		r.refuse(ReasonPropertiesTooBig)
	}
	if ev.Properties != nil {
		r.properties(ev.Properties)
	}
	r.checkText(limits.TypeBytes, ev.Type)
	r.checkText(limits.IDBytes, ev.ID, ev.UserID, ev.AnonymousID, ev.SessionID,
		r.hot["currency"], r.hot["product_id"], r.hot["category"], r.hot["video_id"])
	c := ev.Context
	r.checkText(limits.ContextBytes, c.IP, c.UserAgent, c.Country, c.Page, c.Referrer, c.Platform, c.AppVersion, c.Device, c.OS, c.Browser, c.Locale)
	if timestamp != nil {
		r.timestamp(*timestamp, limits)
	}
}

func (r *reference) checkText(limit int, texts ...string) {
	for _, text := range texts {
		if len(text) > limit {
			r.refuse(ReasonFieldTooLong)
		}
		if strings.Contains(text, "\x00") {
			r.refuse(ReasonInvalidText)
		}
	}
}

func (r *reference) timestamp(text string, limits Limits) {
	if strings.Contains(text, "\x00") {
		r.refuse(ReasonInvalidText)
	}
	at, ok := referTime(text)
	switch {
	case !ok && hasTime(text+"Z"):
		r.refuse(ReasonMissingTimeZone)
	case !ok:
		r.refuse(ReasonInvalidTimestamp)
	case at.UnixMilli() < limits.Oldest.UnixMilli():
		r.refuse(ReasonTimestampTooOld)
	case at.UnixMilli() > limits.Now().Add(limits.Ahead).UnixMilli():
		r.refuse(ReasonTimestampInFuture)
	}
	r.event.Timestamp = at
}

// referTime reads RFC 3339 with package time. That knows neither small letters
// nor a limit of nine digits, and takes what the RFC has not: hours of one
// digit, a comma for the point, offsets with 24 hours or 60 minutes.
func referTime(text string) (at time.Time, ok bool) {
	if len(text) < 20 || text[10] != 'T' && text[10] != 't' || text[13] != ':' || text[19] == ',' {
		return at, false
	}
	text = text[:10] + "T" + text[11:]
	if strings.HasSuffix(text, "z") {
		text = strings.TrimSuffix(text, "z") + "Z"
	}
	if err := at.UnmarshalText([]byte(text)); err != nil {
		return at, false
	}
	digits := 0
	if text[19] == '.' {
		digits = len(text[20:]) - len(strings.TrimLeft(text[20:], "0123456789"))
	}
	farZone := text[len(text)-3] == ':' && (text[len(text)-5:len(text)-3] == "24" || text[len(text)-2:] == "60")
	return time.UnixMilli(at.UnixMilli()).UTC(), digits <= 9 && !farZone
}

func hasTime(text string) bool {
	_, ok := referTime(text)
	return ok
}

func (r *reference) properties(value json.RawMessage) {
	hot := map[string]json.RawMessage{}
	for _, m := range rawMembers(value) {
		hot[m.name] = m.value
	}
	for _, name := range []string{"product_id", "category", "video_id"} {
		r.hot[name] = scalarText(hot[name])
	}
	if raw := hot["currency"]; len(raw) > 0 && raw[0] == '"' {
		r.hot["currency"] = scalarText(raw)
	}
	if amount := scalarText(hot["amount"]); amount != "" {
		r.amount, r.hasAmount = referMicros(amount)
		r.checkText(1<<30, amount)
	}
}

// scalarText is what a string says, or how a number is written.
func scalarText(raw json.RawMessage) (text string) {
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '-' || raw[0]-'0' < 10 {
		return string(raw)
	}
	if raw[0] != '"' {
		return ""
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		panic(err)
	}
	return text
}

// referMicros reads a decimal as a fraction and rounds it half to even.
func referMicros(text string) (micros int64, ok bool) {
	unsigned := strings.TrimLeft(text, "+-")
	if len(text)-len(unsigned) > 1 || unsigned == "" || !plausibleDecimal(unsigned) {
		return 0, false
	}
	if mantissa, exponent, _ := strings.Cut(strings.ToLower(unsigned), "e"); len(strings.TrimLeft(exponent, "+-0")) > 4 {
		// Too far out for a fraction: nothing, or more than any amount.
		return 0, exponent[0] == '-' || strings.Trim(mantissa, "0.") == ""
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	value.Mul(value, big.NewRat(MicrosPerUnit, 1))
	doubled := new(big.Rat).Mul(value, big.NewRat(2, 1))
	rounded := new(big.Int).Div(value.Num(), value.Denom()) // floor, as the denominator is positive
	half := new(big.Rat).Sub(doubled, new(big.Rat).SetInt(new(big.Int).Lsh(rounded, 1)))
	if c := half.Cmp(big.NewRat(1, 1)); c > 0 || c == 0 && rounded.Bit(0) == 1 {
		rounded.Add(rounded, big.NewInt(1))
	}
	if rounded.CmpAbs(big.NewInt(maxMicros)) > 0 {
		return 0, false
	}
	return rounded.Int64(), true
}

// plausibleDecimal leaves out what big.Rat accepts beside decimals.
func plausibleDecimal(unsigned string) bool {
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(unsigned), "e")
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if !digits(whole) || hasPoint && !digits(fraction) {
		return false
	}
	if sign := strings.IndexAny(exponent, "+-"); sign == 0 {
		exponent = exponent[1:]
	}
	return !hasExponent || digits(exponent)
}

// depthOf is how deep the containers of a value are nested.
func depthOf(value json.RawMessage) (deepest int) {
	dec, depth := json.NewDecoder(bytes.NewReader(value)), 0
	for {
		token, err := dec.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}
