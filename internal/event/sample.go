package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// Sample is event number i of an endless list for benchmarks and examples: all
// are different, each is the same at every call, and as JSON they have 410 to
// 430 bytes, 417 in the mean: the size that the performance targets name.
//
// It knows nothing of users' habits; for traffic that behaves like people, see
// internal/traffic.
func Sample(i int) Event {
	h := mix(uint64(i))
	pick := func(from ...string) string {
		h = mix(h)
		return from[h%uint64(len(from))]
	}
	number := func(n uint64) uint64 {
		h = mix(h)
		return h % n
	}
	at := time.UnixMilli(1_767_323_045_678 + int64(i)*37 + int64(number(20))).UTC()
	return Event{
		ID:        fmt.Sprintf("019b%04x-%04x-7%03x-a%03x-%012x", number(1<<16), number(1<<16), number(1<<12), number(1<<12), number(1<<48)),
		Type:      pick("view", "view", "click", "search", "purchase"),
		UserID:    fmt.Sprintf("u%d", 100_000+number(900_000)),
		SessionID: fmt.Sprintf("s%d", 100_000+number(900_000)),
		Timestamp: at,
		Properties: json.RawMessage(fmt.Sprintf(
			`{"amount":"%d.%02d","currency":"%s","product_id":"p%d","category":"%s","qty":%d,"stars":%d.%d,"gift":%s,"list":"%s"}`,
			100+number(900), number(100), pick("INR", "USD", "EUR", "GBP"), 1000+number(9000), pick("books", "shoes", "music", "toys"),
			1+number(9), 1+number(5), number(10), pick("true", "false"), pick("home", "mail", "sale"))),
		Context: Context{
			IP:       fmt.Sprintf("203.0.113.%d", number(256)),
			Country:  pick("IN", "US", "DE", "GB", "BR"),
			Page:     fmt.Sprintf("/p/%d", 100+number(900)),
			Referrer: pick("google", "bing.com", "t.co", "mail"),
			Device:   pick("phone", "tablet"),
			OS:       pick("Android", "iOS", "Linux"),
			Browser:  pick("Chrome", "Safari", "Firefox"),
		},
	}
}

// mix is one step of SplitMix64, whose output looks random for any input.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
