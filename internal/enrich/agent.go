package enrich

import (
	"strings"

	"github.com/ua-parser/uap-go/uaparser"
)

// longestAgent bounds what is read of a user agent, in bytes; the time that
// takes grows with it.
const longestAgent = 512

// agent is what a user agent says.
type agent struct {
	device, os, browser string
	bots                []string // reasons to take it for a program
}

// agentOf reads a user agent, or remembers it. It reports false where there is
// no time for one that was not seen before; what the name alone says about bots
// is known even then.
func (e *Enricher) agentOf(text string) (agent, bool) {
	text = cut(text, longestAgent)
	if known, ok := e.agents.Get(text); ok {
		return known, true
	}
	bots := botReasons(text)
	if !e.budget.take() {
		return agent{bots: bots}, false
	}
	a := e.parse(text)
	a.bots = bots
	if a.device == spider && len(bots) == 0 {
		a.bots = []string{ReasonKnownBot}
	}
	e.agents.Add(strings.Clone(text), a)
	return a, true
}

// spider is what the parser calls the device of a crawler.
const spider = "Spider"

func (e *Enricher) parse(text string) agent {
	os := e.parser.ParseOs(text)
	a := agent{
		device:  e.parser.ParseDevice(text).Family,
		os:      systemName(os),
		browser: browserName(e.parser.ParseUserAgent(text).Family),
	}
	if a.device == unknownName {
		a.device = computerOf(os.Family)
	}
	return a
}

// unknownName is what the parser says where it does not know.
const unknownName = "Other"

// systemName is the operating system with its major version, such as "iOS 17".
// Browsers have frozen the version of macOS, so it has none.
func systemName(os *uaparser.Os) string {
	switch os.Family {
	case unknownName, "":
		return ""
	case "Mac OS X":
		return "macOS"
	}
	if os.Major == "" || os.Family == "Linux" {
		return os.Family
	}
	return os.Family + " " + os.Major
}

// browserName is the browser's family, the same on a phone as on a desk.
func browserName(family string) string {
	if family == unknownName {
		return ""
	}
	name := strings.TrimSuffix(family, " iOS")
	name = strings.TrimPrefix(name, "Mobile ")
	if before, after, found := strings.Cut(name, " Mobile"); found {
		name = before + after
	}
	return name
}

// computerOf names the desktop computers, which user agents do not.
func computerOf(system string) string {
	switch system {
	case "Windows":
		return "Windows PC"
	case "Linux", "Ubuntu", "Fedora", "Debian":
		return "Linux PC"
	case "Chrome OS":
		return "Chromebook"
	}
	return ""
}
