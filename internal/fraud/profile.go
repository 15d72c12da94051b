package fraud

// The bounds of a profile.
const (
	keptAmounts  = 32 // of the latest purchases
	keptAttempts = 32 // payments, declined ones included
	keptHabits   = 6  // countries, and as many devices
)

const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// restep is how far the last instant of a habit may lag behind: within it a
// further event changes nothing, and need not be stored.
const restep = 15 * minute

// Profile is what is remembered of one user. Its zero value is somebody new.
type Profile struct {
	firstSeen int64 // event time of the earliest event, ms
	purchases uint32
	amounts   [keptAmounts]float32 // log dollars, a ring; see purchases
	attempts  [keptAttempts]attempt
	tried     uint32 // attempts ever: the ring's position
	countries habits
	devices   habits

	hours    [24]uint16 // hours of presence, by hour of the day in UTC
	presence uint32     // hours of presence in all
	lastHour int64      // the latest of them, hours since 1970
}

// attempt is a payment that was tried.
type attempt struct {
	at       int64
	id       uint64
	amount   float32 // log dollars; meaningless where unknown is true
	unknown  bool
	declined bool
}

// habit is a country or a device that was seen with the user.
type habit struct {
	key   uint32 // 0 for a free place
	hours uint32 // hours of presence
	first int64  // event time, ms
	last  int64  // event time, ms; may be up to restep too early
}

// habits are the latest few.
type habits [keptHabits]habit

// find returns the habit, or nil.
func (h *habits) find(key uint32) *habit {
	if key == 0 {
		return nil
	}
	for i := range h {
		if h[i].key == key {
			return &h[i]
		}
	}
	return nil
}

// note counts the presence at the instant and reports whether anything changed.
// A new one takes the place of the one that was seen longest ago.
func (h *habits) note(key uint32, at int64) bool {
	if key == 0 {
		return false
	}
	known := h.find(key)
	if known == nil {
		stalest := &h[0]
		for i := range h {
			if h[i].key == 0 {
				stalest = &h[i]
				break
			}
			if h[i].last < stalest.last {
				stalest = &h[i]
			}
		}
		*stalest = habit{key: key, hours: 1, first: at, last: at}
		return true
	}
	changed := false
	if at < known.first {
		known.first, changed = at, true
	}
	if newHour := at/hour > known.last/hour; newHour || at-known.last >= restep {
		if newHour {
			known.hours++
		}
		known.last, changed = at, true
	}
	return changed
}

// Purchases is how many purchases the profile has learnt from.
func (p *Profile) Purchases() int { return int(p.purchases) }

// isRepeat reports whether the payment is among the last attempts.
func (p *Profile) isRepeat(e *Event) bool {
	if e.ID == "" {
		return false
	}
	id := idKey(e.ID)
	for _, a := range p.tries() {
		if a.id == id {
			return true
		}
	}
	return false
}

// tries are the attempts that are remembered, in no particular order.
func (p *Profile) tries() []attempt { return p.attempts[:min(int(p.tried), keptAttempts)] }

// known are the amounts that are remembered, in no particular order.
func (p *Profile) known() []float32 { return p.amounts[:min(int(p.purchases), keptAmounts)] }

// learn takes the event in and reports whether the profile has changed. What a
// blocked purchase shows is not made a habit.
func (p *Profile) learn(e *Event, blocked bool) bool {
	changed := false
	if p.firstSeen == 0 || e.At < p.firstSeen {
		p.firstSeen, changed = e.At, true
	}
	if e.Kind != KindPresence {
		p.try(e)
		changed = true
	}
	if blocked {
		return changed
	}
	if amount, ok := e.logAmount(); ok && e.Kind == KindPurchase {
		p.amounts[p.purchases%keptAmounts] = float32(amount)
		p.purchases++
	}
	return p.noticePresence(e) || changed
}

// try remembers a payment attempt in place of the oldest to arrive.
func (p *Profile) try(e *Event) {
	amount, ok := e.logAmount()
	p.attempts[p.tried%keptAttempts] = attempt{
		at: e.At, id: idKey(e.ID), amount: float32(amount), unknown: !ok, declined: e.Kind == KindDeclined,
	}
	p.tried++
}

// noticePresence counts where, on what and when the user was.
func (p *Profile) noticePresence(e *Event) bool {
	changed := p.countries.note(countryKey(e.Country), e.At)
	changed = p.devices.note(e.Device, e.At) || changed
	if h := e.At / hour; h > p.lastHour {
		p.lastHour = h
		p.presence++
		p.hours[h%24] = min(p.hours[h%24]+1, 1<<15)
		changed = true
	}
	return changed
}
