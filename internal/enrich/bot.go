package enrich

import "strings"

// Reasons of $bot_reasons.
const (
	// ReasonKnownBot: the user agent is that of a crawler, a monitor or a preview
	// fetcher that says so.
	ReasonKnownBot = "known_bot"
	// ReasonHeadless: a browser without a screen, or one that a program drives.
	ReasonHeadless = "headless"
	// ReasonHTTPLibrary: the user's own agent is an HTTP library or command line
	// tool.
	ReasonHTTPLibrary = "http_library"
	// ReasonNoUserAgent: neither the event nor its request names a user agent.
	ReasonNoUserAgent = "no_user_agent"
)

// botReasons says what in a user agent speaks of a program.
func botReasons(agent string) []string {
	name := strings.ToLower(agent)
	var reasons []string
	if isKnownBot(name) {
		reasons = append(reasons, ReasonKnownBot)
	}
	if containsAny(name, "headless", "phantomjs", "puppeteer", "playwright", "selenium", "webdriver", "slimerjs", "zombie.js", "jsdom", "cypress/") {
		reasons = append(reasons, ReasonHeadless)
	}
	if isHTTPLibrary(name) {
		reasons = append(reasons, ReasonHTTPLibrary)
	}
	return reasons
}

// isKnownBot looks for names that end in bot, for words that only such programs
// use, and for a few that use neither. The name is in lower case.
func isKnownBot(name string) bool {
	return hasBotWord(name) || containsAny(name,
		"crawler", "spider", "scraper", "slurp", "+http://", "+https://", "facebookexternalhit", "facebookcatalog",
		"google-inspectiontool", "google-read-aloud", "mediapartners-google", "feedfetcher", "apis-google", "google favicon",
		"bingpreview", "whatsapp/", "skypeuripreview", "embedly", "quora link preview", "nuzzel", "outbrain", "w3c_validator",
		"lighthouse", "pagespeed", "gtmetrix", "pingdom", "site24x7", "newrelicpinger", "statuscake", "uptimia", "monitis",
		"ia_archiver", "archive.org", "screaming frog", "petalsearch", "daum/", "perplexity-user", "chatgpt-user", "anthropic-ai", "cohere-ai")
}

// hasBotWord finds bot at the end of a word, as in "Googlebot/2.1", but not in
// "Cubot", a maker of phones.
func hasBotWord(name string) bool {
	for from := 0; ; {
		i := strings.Index(name[from:], "bot")
		if i < 0 {
			return false
		}
		end := from + i + len("bot")
		wordEnds := end == len(name) || name[end] < 'a' || name[end] > 'z'
		if wordEnds && !strings.HasSuffix(name[:end], "cubot") {
			return true
		}
		from = end
	}
}

// isHTTPLibrary looks at how the agent begins: apps often name their library
// further on.
func isHTTPLibrary(name string) bool {
	for _, prefix := range []string{
		"curl/", "wget/", "python-requests/", "python-urllib/", "python/", "python-httpx/", "aiohttp/", "go-http-client/", "java/",
		"apache-httpclient/", "okhttp/", "axios/", "node-fetch", "node", "undici", "got (", "ruby", "faraday", "php/", "guzzlehttp/", "libwww-perl/",
		"lwp", "postmanruntime/", "insomnia/", "httpie/", "k6/", "apachebench/", "ab/", "wrk/", "scrapy/", "jmeter", "restsharp/", "reqwest/", "deno/", "bun/",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
