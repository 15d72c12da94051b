package replay

import (
	"strings"
	"unicode"
)

// wellKnown lists the column names that say by themselves what they hold, the
// likeliest first.
func wellKnown() map[fieldIndex][]string {
	known := map[fieldIndex][]string{
		fieldEventID:     {"event_id", "insert_id", "message_id", "event_uuid"},
		fieldType:        {"type", "event", "event_name", "event_type", "action"},
		fieldUserID:      {"user_id", "user", "customer_id", "customer", "distinct_id", "uid", "member_id", "account_id", "client_id"},
		fieldAnonymousID: {"anonymous_id", "anon_id", "visitor_id", "visitor"},
		fieldSessionID:   {"session_id", "session", "user_session", "visit_id"},
		fieldTimestamp: {"timestamp", "time", "event_time", "event_timestamp", "ts", "datetime", "date_time", "date", "event_date",
			"created_at", "occurred_at", "sent_at", "unixtime"},
	}
	for f, more := range map[string][]string{
		"ip":          {"ip_address", "client_ip", "remote_addr"},
		"user_agent":  {"ua", "useragent"},
		"country":     {"country_code", "geo_country"},
		"page":        {"page_path", "path", "url", "page_url"},
		"referrer":    {"referer", "referrer_url"},
		"platform":    {},
		"app_version": {"version"},
		"device":      {"device_type", "device_name", "device_model"},
		"os":          {"operating_system", "os_name"},
		"browser":     {"browser_name"},
		"locale":      {"language", "lang"},
	} {
		field, _ := fieldOf(f)
		known[field] = append([]string{f}, more...)
	}
	return known
}

// plainName writes a column's name like ours: "User ID", "userId", "$user_id"
// and "USER-ID" are all user_id.
func plainName(name string) string {
	var plain strings.Builder
	lower := false // the letter before was a small one
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if plain.Len() > 0 {
				plain.WriteByte('_')
			}
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			plain.WriteByte('_')
		}
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
		plain.WriteRune(unicode.ToLower(r))
	}
	text := strings.Trim(plain.String(), "_")
	for strings.Contains(text, "__") {
		text = strings.ReplaceAll(text, "__", "_")
	}
	return text
}
