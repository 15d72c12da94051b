package traffic

import "slices"

// land makes the first event of a visit.
func (g *Generator) land(s *session, u *user) {
	page := "/"
	if s.intent == intentShop && chance(g.rng, 0.3) {
		page = "/deals"
	}
	g.pageView(page)
	g.ev.Context.Referrer = g.oneOf("", "", "https://www.google.com/", "https://www.google.com/",
		"https://www.instagram.com/", "https://news.example.com/", "https://mail.example.com/")
	switch {
	case s.newborn:
		s.state = stateSignup
	case !u.loggedIn && chance(g.rng, 0.5):
		s.state = stateLogin
	case u.order.id != "" && chance(g.rng, 0.05):
		s.state = stateRefund
	default:
		s.state = stateBrowse
		if chance(g.rng, 0.4) { // what has been kept for long stays
			u.order = order{}
		}
	}
}

// action is what somebody who looks around does next.
type action uint8

const (
	actPage action = iota
	actSearch
	actClick
	actView
	actVideo
	actError
	actions
)

// habits is how likely each action is, by intent; each row sums to 1.
func habits(i intent) [actions]float64 {
	return [...][actions]float64{
		intentBrowse: {0.36, 0.10, 0.18, 0.33, 0.02, 0.01},
		intentShop:   {0.18, 0.12, 0.10, 0.58, 0.01, 0.01},
		intentVideo:  {0.40, 0.08, 0.13, 0.08, 0.30, 0.01},
	}[i]
}

// browse makes one event of somebody who looks around.
func (g *Generator) browse(s *session, u *user) {
	if s.product >= 0 && g.decide(s, u) || len(s.cart) > 0 && g.settle(s) {
		return
	}
	x, weights := g.rng.Float64(), habits(s.intent)
	next := actPage
	for next < actError && x >= weights[next] {
		x -= weights[next]
		next++
	}
	switch next {
	case actPage:
		g.pageView(g.oneOf("/", "/deals", "/categories", "/account", "/help", "/blog", "/c/electronics", "/c/fashion", "/c/home"))
	case actSearch:
		g.emit("search", "/search")
		g.textProperty("query", g.oneOf("headphones", "running shoes", "café mug", "usb-c cable", "birthday gift", "desk lamp", "novel", "yoga mat", "सारी", "coffee"))
		g.intProperty("results", g.rng.Int64N(240))
	case actClick:
		g.emit("click", g.oneOf("/", "/deals", "/categories", "/search"))
		g.textProperty("element", g.oneOf("menu", "banner", "filter", "sort", "next_page", "wishlist", "share"))
	case actView:
		g.view(s, u)
	case actVideo:
		g.play(s)
	default:
		g.emit("error", g.oneOf("/", "/search", "/cart"))
		g.textProperty("code", g.oneOf("timeout", "not_found", "http_500", "image_failed"))
		g.textProperty("message", "The page could not be loaded")
	}
}

// view shows a product.
func (g *Generator) view(s *session, u *user) {
	s.product = g.catalogue.pick(g.rng, u.favourite)
	g.emit("view", g.catalogue.products[s.product].page)
	g.productProperties(s.product, u)
}

// decide puts the product just seen into the cart, or does not.
func (g *Generator) decide(s *session, u *user) bool {
	product, likely := s.product, 0.10*float64(u.buys)
	s.product = -1
	if s.intent == intentShop {
		likely *= 3
	}
	if !chance(g.rng, likely) {
		return false
	}
	quantity := int32(1)
	for quantity < 10 && chance(g.rng, 0.18) {
		quantity++
	}
	s.cart = append(s.cart, line{product, quantity})
	s.left += 2
	g.emit("add_to_cart", g.catalogue.products[product].page)
	g.productProperties(product, u)
	g.intProperty("quantity", int64(quantity))
	return true
}

// settle goes to the checkout, takes something out of the cart, or neither.
func (g *Generator) settle(s *session) bool {
	switch x := g.rng.Float64(); {
	case x < 0.2:
		g.pageView("/checkout")
		s.state = stateCheckout
	case x < 0.27:
		i := g.rng.IntN(len(s.cart))
		product := s.cart[i].product
		s.cart = slices.Delete(s.cart, i, i+1)
		g.emit("remove_from_cart", "/cart")
		g.textProperty("product_id", g.catalogue.products[product].id)
		g.textProperty("category", g.categoryOf(product))
	default:
		return false
	}
	return true
}

// checkout is the step before paying: most go on, some give up, some cards fail.
func (g *Generator) checkout(s *session) {
	switch x := g.rng.Float64(); {
	case x < 0.04:
		g.declined()
	case x < 0.86:
		g.emit("click", "/checkout")
		g.textProperty("element", "pay")
		s.state = stateOrder
	default:
		g.pageView("/cart")
		s.state = stateBrowse
	}
}

// declined is a payment that failed.
func (g *Generator) declined() {
	g.emit("error", "/checkout")
	g.textProperty("code", "payment_declined")
	g.textProperty("message", "The card was declined")
}

// order pays for the cart.
func (g *Generator) order(s *session, u *user) {
	amount, items := int64(0), int64(0)
	for _, l := range s.cart {
		amount += int64(l.quantity) * g.minor(u, g.catalogue.products[l.product].price)
		items += int64(l.quantity)
	}
	product := s.cart[0].product
	s.cart = s.cart[:0]
	g.purchase(u, product, amount, items)
}

// purchase makes the event of a paid order.
func (g *Generator) purchase(u *user, product int32, amount, items int64) {
	g.orders++
	u.order = order{id: g.orderID(), product: product, amount: amount}
	g.emit("purchase", "/checkout")
	g.moneyProperty("amount", u, amount)
	g.textProperty("currency", g.places[u.place].currency)
	g.textProperty("order_id", u.order.id)
	g.textProperty("product_id", g.catalogue.products[product].id)
	g.textProperty("category", g.categoryOf(product))
	g.intProperty("items", items)
	g.textProperty("payment_method", g.oneOf("card", "card", "card", "wallet", "upi", "bank"))
	if chance(g.rng, 0.15) {
		g.textProperty("coupon", g.oneOf("WELCOME10", "SPRING", "FREESHIP"))
	}
}

// refund gives the last order back.
func (g *Generator) refund(u *user) {
	g.emit("refund", "/account/orders")
	g.moneyProperty("amount", u, u.order.amount)
	g.textProperty("currency", g.places[u.place].currency)
	g.textProperty("order_id", u.order.id)
	g.textProperty("product_id", g.catalogue.products[u.order.product].id)
	g.textProperty("category", g.categoryOf(u.order.product))
	g.textProperty("reason", g.oneOf("wrong_size", "damaged", "changed_mind", "late_delivery"))
	u.order = order{}
}

// play starts a video.
func (g *Generator) play(s *session) {
	s.video, s.watched = int32(g.catalogue.watched.draw(g.rng)), 0
	v := &g.catalogue.videos[s.video]
	g.emit("video_play", v.page)
	g.textProperty("video_id", v.id)
	g.intProperty("duration_seconds", int64(v.duration))
	if chance(g.rng, 0.88) { // many leave in the first moments
		s.state = stateWatch
	}
}

// watch reports another tenth of the video, and decides whether the viewer stays.
func (g *Generator) watch(s *session) {
	v := &g.catalogue.videos[s.video]
	s.watched++
	kind := "video_progress"
	if s.watched == 10 {
		kind = "video_complete"
	}
	g.emit(kind, v.page)
	g.textProperty("video_id", v.id)
	g.intProperty("duration_seconds", int64(v.duration))
	g.intProperty("position_seconds", int64(v.duration*s.watched/10))
	g.intProperty("percent", int64(10*s.watched))
	g.intProperty("watched_seconds", int64(v.duration*s.watched/10-v.duration*(s.watched-1)/10))
	if s.watched == 10 || !chance(g.rng, v.hold) {
		s.state = stateBrowse
	}
}
