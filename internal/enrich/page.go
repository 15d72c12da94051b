package enrich

import (
	"net/url"
	"strings"

	"millrace/internal/event"
)

// longestCampaign bounds a campaign parameter, in bytes; a longer one is cut.
const longestCampaign = 256

// addCampaign adds $utm_source and its kin from the address of the page.
func addCampaign(m *Members, page string) {
	_, query, found := strings.Cut(page, "?")
	if !found || !strings.Contains(query, "utm_") {
		return
	}
	query, _, _ = strings.Cut(query, "#")
	values, _ := url.ParseQuery(query) // what could be read of a broken one is still good
	for _, name := range []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"} {
		m.Text("$"+name, cut(values.Get(name), longestCampaign))
	}
}

// addReferrer adds $referrer_host where the visitor came from another site.
func addReferrer(m *Members, c *event.Context, page string) {
	host := hostOf(c.Referrer)
	if host != "" && host != hostOf(page) {
		m.Text("$referrer_host", host)
	}
}

// hostOf is the host of an absolute http address, in lower case, without port
// and without a leading www.
func hostOf(address string) string {
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
}

// cut shortens text to at most n bytes, between characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
