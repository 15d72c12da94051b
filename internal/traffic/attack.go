package traffic

// beginAttack makes the session an attack on its user's account.
func (g *Generator) beginAttack(s *session, u *user) {
	s.product = g.catalogue.pick(g.rng, u.favourite)
	switch g.rng.IntN(3) {
	case 0:
		s.fraud = FraudVelocity
		s.left = 4 + g.rng.IntN(2)
	case 1:
		s.fraud = FraudTakeover
		s.left = 5 + g.rng.IntN(2)
		g.disguise(s, u)
	default:
		s.fraud = FraudCardTesting
		s.left = 6 + g.rng.IntN(9)
		if chance(g.rng, 0.5) {
			g.disguise(s, u)
		}
	}
}

// disguise is another country, address and device than the user has.
func (g *Generator) disguise(s *session, u *user) {
	home := g.places[u.place].country
	for g.places[s.place].country == home {
		s.place = uint8(g.homes.draw(g.rng))
	}
	used, second := g.devices[u.device].device, g.devices[u.second].device
	for g.devices[s.device].device == used || g.devices[s.device].device == second {
		s.device = uint8(g.gadgets.draw(g.rng))
	}
	s.ip = address(g.rng)
}

// attack makes the next event of an attack and returns the milliseconds until
// the one after it, negative at the end.
func (g *Generator) attack(s *session, u *user) int64 {
	s.script++
	gap := int64(0)
	switch s.fraud {
	case FraudVelocity:
		gap = g.burst(s, u)
	case FraudTakeover:
		gap = g.takeover(s, u)
	default:
		gap = g.testCard(u, s)
	}
	if s.left <= 0 {
		return -1
	}
	return gap
}

// burst: a look around, then two or three huge orders within one second.
func (g *Generator) burst(s *session, u *user) int64 {
	switch s.script {
	case 1:
		g.pageView("/")
	case 2:
		g.emit("view", g.catalogue.products[s.product].page)
		g.productProperties(s.product, u)
	default:
		// About 500,000 rupees.
		g.purchase(u, s.product, g.minor(u, logNormal(g.rng, 6000, 0.25)), 1)
		g.label.Fraud = FraudVelocity
		return 100 + g.rng.Int64N(350)
	}
	return 4000 + g.rng.Int64N(6000)
}

// takeover: login from elsewhere, straight to something dear.
func (g *Generator) takeover(s *session, u *user) int64 {
	switch s.script {
	case 1:
		g.emit("login", "/login")
		g.textProperty("method", "password")
	case 2:
		g.pageView("/account")
	case 3:
		g.emit("view", g.catalogue.products[s.product].page)
		g.productProperties(s.product, u)
	case 4:
		g.emit("add_to_cart", g.catalogue.products[s.product].page)
		g.productProperties(s.product, u)
		g.intProperty("quantity", 5)
	default:
		g.purchase(u, s.product, g.minor(u, logNormal(g.rng, 700, 0.5)), 5)
		g.label.Fraud = FraudTakeover
	}
	return 5000 + g.rng.Int64N(20_000)
}

// testCard: tiny orders to find cards that work; some are declined.
func (g *Generator) testCard(u *user, s *session) int64 {
	if chance(g.rng, 0.35) {
		g.declined()
	} else {
		g.purchase(u, s.product, g.minor(u, 0.5+2*g.rng.Float64()), 1)
		g.label.Fraud = FraudCardTesting
	}
	return 800 + g.rng.Int64N(4000)
}
