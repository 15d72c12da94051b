package traffic

import (
	"math"
	"strconv"
)

// emit sets type and page of the current event and opens its properties. All
// text that the traffic uses is valid inside a JSON string as it is.
func (g *Generator) emit(kind, page string) {
	g.ev.Type, g.ev.Context.Page = kind, page
	g.props = append(g.props[:0], '{')
}

func (g *Generator) pageView(page string) {
	g.emit("page_view", page)
	g.textProperty("title", titleOf(page))
}

// titleOf is the title of a page.
func titleOf(page string) string {
	switch page {
	case "/":
		return "Millshop"
	case "/deals":
		return "Deals of the day"
	case "/checkout":
		return "Checkout"
	case "/cart":
		return "Your cart"
	case "/order/thanks":
		return "Thank you"
	}
	return "Millshop · " + page[1:]
}

func (g *Generator) name(name string) {
	if len(g.props) > 1 {
		g.props = append(g.props, ',')
	}
	g.props = append(g.props, '"')
	g.props = append(g.props, name...)
	g.props = append(g.props, '"', ':')
}

func (g *Generator) textProperty(name, value string) {
	g.name(name)
	g.props = append(g.props, '"')
	g.props = append(g.props, value...)
	g.props = append(g.props, '"')
}

func (g *Generator) intProperty(name string, value int64) {
	g.name(name)
	g.props = strconv.AppendInt(g.props, value, 10)
}

// moneyProperty writes an amount in minor units as a decimal string.
func (g *Generator) moneyProperty(name string, u *user, amount int64) {
	g.name(name)
	g.props = append(g.props, '"')
	if g.places[u.place].digits == 0 {
		g.props = strconv.AppendInt(g.props, amount, 10)
	} else {
		g.props = strconv.AppendInt(g.props, amount/100, 10)
		g.props = append(g.props, '.', byte('0'+amount/10%10), byte('0'+amount%10))
	}
	g.props = append(g.props, '"')
}

// productProperties describe a product to a user, in his currency.
func (g *Generator) productProperties(n int32, u *user) {
	p := &g.catalogue.products[n]
	g.textProperty("product_id", p.id)
	g.textProperty("category", g.categoryOf(n))
	g.moneyProperty("price", u, g.minor(u, p.price))
	g.textProperty("currency", g.places[u.place].currency)
}

func (g *Generator) categoryOf(n int32) string {
	return g.catalogue.names[g.catalogue.products[n].category]
}

// minor is a price in the minor unit of the user's currency, at least 1.
func (g *Generator) minor(u *user, dollars float64) int64 {
	p := &g.places[u.place]
	scale := 1.0
	if p.digits == 2 {
		scale = 100
	}
	return max(1, int64(math.Round(dollars*p.perUSD*scale)))
}

// orderID numbers orders across the run.
func (g *Generator) orderID() string {
	text := append(make([]byte, 0, 16), "o_"...)
	for limit := int64(100_000_000); limit > g.orders && limit > 1; limit /= 10 {
		text = append(text, '0')
	}
	return string(strconv.AppendInt(text, g.orders, 10))
}

// oneOf draws one of the texts.
func (g *Generator) oneOf(texts ...string) string { return texts[g.rng.IntN(len(texts))] }
