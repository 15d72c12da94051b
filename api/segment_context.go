package api

import (
	"encoding/json"
	"net/url"
	"strings"

	"millrace/internal/event"
)

// fillContext reads context, with the batch's behind the call's own.
func (c *segmentCall) fillContext(shared json.RawMessage) *Rejection {
	own, ok := c.object("context")
	if !ok {
		return refuse(event.ReasonWrongType, "/context", "context is not an object.")
	}
	context := members(shared)
	for name, value := range members(own) {
		context[name] = value
	}
	to := &c.ev.Context
	to.IP = takeText(context, "ip")
	to.UserAgent = takeText(context, "userAgent")
	to.Locale = takeText(context, "locale")
	c.ev.SessionID = takeText(context, "sessionId")
	c.fillPage(context)
	c.fillDevice(context)
	c.fillCampaign(context)
	c.keep("$context", context)
	return nil
}

// members are those of a JSON object, never nil.
func members(object json.RawMessage) map[string]json.RawMessage {
	m := map[string]json.RawMessage{}
	if len(object) == 0 || object[0] != '{' {
		return m
	}
	if json.Unmarshal(object, &m) != nil {
		return map[string]json.RawMessage{}
	}
	return m
}

// takeText takes a string or number out of an object, as text. Anything else
// stays where it is.
func takeText(object map[string]json.RawMessage, name string) string {
	raw, ok := object[name]
	if !ok {
		return ""
	}
	text := looseText(raw)
	if text != "" || string(raw) == "null" || string(raw) == `""` {
		delete(object, name)
	}
	return text
}

// inside lets read take members out of an object within an object; what it leaves
// is put back.
func inside(object map[string]json.RawMessage, name string, read func(map[string]json.RawMessage)) {
	raw, ok := object[name]
	if !ok || len(raw) == 0 || raw[0] != '{' {
		return
	}
	inner := members(raw)
	read(inner)
	delete(object, name)
	if len(inner) > 0 {
		if rest, err := json.Marshal(inner); err == nil {
			object[name] = rest
		}
	}
}

func (c *segmentCall) fillPage(context map[string]json.RawMessage) {
	var address string
	inside(context, "page", func(page map[string]json.RawMessage) {
		c.ev.Context.Page = takeText(page, "path")
		c.ev.Context.Referrer = takeText(page, "referrer")
		address = takeText(page, "url")
		c.added.Text("$url", address)
		c.added.Text("$title", takeText(page, "title"))
		takeText(page, "search") // it is the end of url
	})
	if c.kind == "page" {
		p := members(c.ev.Properties)
		fillFrom(&c.ev.Context.Page, p["path"])
		fillFrom(&c.ev.Context.Referrer, p["referrer"])
		fillFrom(&address, p["url"])
	}
	if c.ev.Context.Page == "" && address != "" {
		if u, err := url.Parse(address); err == nil {
			c.ev.Context.Page = u.Path
		}
	}
}

// fillFrom fills an empty field from a value that may be text.
func fillFrom(field *string, value json.RawMessage) {
	if *field == "" {
		*field = looseText(value)
	}
}

func (c *segmentCall) fillDevice(context map[string]json.RawMessage) {
	to := &c.ev.Context
	inside(context, "device", func(device map[string]json.RawMessage) {
		to.Device = takeText(device, "model")
		to.Platform = strings.ToLower(takeText(device, "type"))
	})
	inside(context, "os", func(os map[string]json.RawMessage) {
		to.OS = takeText(os, "name")
		if major, _, _ := strings.Cut(takeText(os, "version"), "."); to.OS != "" && major != "" {
			to.OS += " " + major
		}
	})
	inside(context, "app", func(app map[string]json.RawMessage) {
		to.AppVersion = takeText(app, "version")
	})
	inside(context, "library", func(library map[string]json.RawMessage) {
		name, version := takeText(library, "name"), takeText(library, "version")
		if name == "analytics.js" && to.Platform == "" {
			to.Platform = "web"
		}
		if version != "" {
			name += "/" + version
		}
		c.added.Text("$library", name)
	})
}

func (c *segmentCall) fillCampaign(context map[string]json.RawMessage) {
	inside(context, "campaign", func(campaign map[string]json.RawMessage) {
		for _, pair := range [][2]string{{"$utm_source", "source"}, {"$utm_medium", "medium"}, {"$utm_campaign", "name"}, {"$utm_term", "term"}, {"$utm_content", "content"}} {
			c.added.Text(pair[0], takeText(campaign, pair[1]))
		}
	})
}
