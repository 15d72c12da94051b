package olap

import (
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cache remembers answers up to a number of bytes, the latest used longest.
type cache struct {
	limit int // bytes
	age   time.Duration

	mu      sync.Mutex
	bytes   int
	answers *simplelru.LRU[string, remembered]
}

type remembered struct {
	answer *Answer
	bytes  int
	at     time.Time
}

func newCache(limit int, age time.Duration) *cache {
	c := &cache{limit: limit, age: age}
	// Bytes are the bound, not the number; it fails only where that is not above 0.
	c.answers, _ = simplelru.NewLRU(math.MaxInt, func(_ string, r remembered) { c.bytes -= r.bytes })
	return c
}

// get returns an answer that is younger than within. It is shared: whoever gets
// it must not change it.
func (c *cache) get(key string, within time.Duration) (*Answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.answers.Get(key)
	if !ok {
		return nil, false
	}
	age := time.Since(r.at)
	if age > c.age {
		c.answers.Remove(key)
	}
	return r.answer, age <= min(within, c.age)
}

// put remembers an answer. One that would fill more than a quarter of the cache
// is not: it would push out too much.
func (c *cache) put(key string, answer *Answer, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers.Remove(key)
	bytes += len(key)
	if bytes > c.limit/4 {
		return
	}
	c.answers.Add(key, remembered{answer: answer, bytes: bytes, at: time.Now()})
	for c.bytes += bytes; c.bytes > c.limit; {
		c.answers.RemoveOldest()
	}
}

// size is what is remembered: answers and their bytes.
func (c *cache) size() (answers, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answers.Len(), c.bytes
}
