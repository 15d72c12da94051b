package event

// field numbers every value that the scanner remembers the place of.
type field uint8

// The two objects come first, then the strings, then the hoisted properties.
const (
	fieldProperties field = iota
	fieldContext
	fieldEventID
	fieldType
	fieldUserID
	fieldAnonymousID
	fieldSessionID
	fieldTimestamp
	fieldIP
	fieldUserAgent
	fieldCountry
	fieldPage
	fieldReferrer
	fieldPlatform
	fieldAppVersion
	fieldDevice
	fieldOS
	fieldBrowser
	fieldLocale
	fieldAmount
	fieldCurrency
	fieldProductID
	fieldCategory
	fieldVideoID
	fieldOther // any other property: its place is written and never read
	fieldCount

	firstContext = fieldIP
	firstHot     = fieldAmount
)

// fieldName is the JSON name of each field within its object.
func fieldName(f field) string {
	return [fieldCount]string{
		"properties", "context", "event_id", "type", "user_id", "anonymous_id", "session_id", "timestamp",
		"ip", "user_agent", "country", "page", "referrer", "platform", "app_version", "device", "os", "browser", "locale",
		"amount", "currency", "product_id", "category", "video_id", "",
	}[f]
}

// section is an object whose names are known.
type section uint8

const (
	sectionEnvelope section = iota
	sectionContext
	sectionProperties
	sectionCount
)

// fields gives the range of fields [first, last) that a section holds.
func (s section) fields() (first, last field) {
	switch s {
	case sectionEnvelope:
		return fieldProperties, firstContext
	case sectionContext:
		return firstContext, firstHot
	default:
		return firstHot, fieldOther
	}
}

// names lists the names of a section, as they are told to people.
func (s section) names() []string {
	first, last := s.fields()
	var names []string
	for f := max(first, fieldEventID); f < last; f++ {
		names = append(names, fieldName(f))
	}
	if s == sectionEnvelope {
		names = append(names, fieldName(fieldProperties), fieldName(fieldContext))
	}
	return names
}

// lookup finds a name that has already been read and unescaped.
func (s section) lookup(name []byte) (field, bool) {
	first, last := s.fields()
	for f := first; f < last; f++ {
		if string(name) == fieldName(f) {
			return f, true
		}
	}
	return fieldOther, false
}
