package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// The headers of a webhook.
const (
	// HeaderKey carries the idempotency key: the same for every repeat.
	HeaderKey = "Idempotency-Key"
	// HeaderTimestamp carries the time of this attempt, in seconds since 1970.
	HeaderTimestamp = "Millrace-Timestamp"
	// HeaderSignature carries "v1=" and the signature, see [Sign].
	HeaderSignature = "Millrace-Signature"
)

// Sign returns the hexadecimal HMAC-SHA256 of timestamp, a full stop and the body, as RFC 2104
// has it, with the channel's secret as its key. The timestamp is signed too, so that nobody
// can send an old message again as a new one.
func Sign(secret string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, at.Unix(), 10))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
