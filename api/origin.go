package api

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"millrace/internal/enrich"
)

// longestUserAgent bounds what is kept of a request's user agent, in bytes.
const longestUserAgent = 1024

// originOf says where a request came from.
func (s *Server) originOf(c *fiber.Ctx) enrich.Origin {
	return enrich.Origin{IP: s.clientIP(c), UserAgent: plainText(c.Get(fiber.HeaderUserAgent), longestUserAgent)}
}

// clientIP is the address of whoever sent the request. X-Forwarded-For is believed
// only as far as trusted proxies have written it: its right end is the work of the
// proxy before us, its left end is whatever the client likes.
func (s *Server) clientIP(c *fiber.Ctx) netip.Addr {
	peer, _ := netip.ParseAddr(c.Context().RemoteIP().String())
	peer = peer.Unmap()
	if !s.trusts(peer) {
		return peer
	}
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return peer
		}
		if peer = ip.Unmap(); !s.trusts(peer) {
			return peer
		}
	}
	return peer
}

func (s *Server) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// plainText makes a header's value fit to be part of an event: UTF-8, without
// control characters, at most n bytes.
func plainText(value string, n int) string {
	if len(value) > n {
		value = value[:n]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(value, ""))
}
