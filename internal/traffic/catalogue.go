package traffic

import (
	"fmt"
	"math/rand/v2"
)

// categories is the number of product categories.
const categories = 12

// categoryNames lists the categories, the most visited first.
func categoryNames() [categories]string {
	return [categories]string{
		"electronics", "fashion", "home", "books", "beauty", "grocery",
		"sports", "toys", "garden", "music", "travel", "jewellery",
	}
}

// categoryPrices is the median price in each category, in US dollars.
func categoryPrices() [categories]float64 {
	return [categories]float64{79, 32, 38, 14, 18, 9, 36, 21, 27, 13, 140, 95}
}

// product is something to buy.
type product struct {
	id       string
	page     string
	category uint8
	price    float64 // US dollars
}

// video is something to watch.
type video struct {
	id       string
	page     string
	duration int     // seconds
	hold     float64 // probability that a viewer stays for another tenth
}

// catalogue is what the shop offers, with its popularity.
type catalogue struct {
	names      [categories]string
	products   []product
	popular    alias // over all products: Zipf
	byCategory [categories][]int32
	inCategory [categories]alias // Zipf within the category
	videos     []video
	watched    alias
}

// newCatalogue draws products and videos.
func newCatalogue(rng *rand.Rand, products, videos int) *catalogue {
	c := &catalogue{names: categoryNames()}
	medians := categoryPrices()
	share := newAlias(zipf(categories, 0.7))
	for i := range products {
		category := i % categories // each has at least one
		if i >= categories {
			category = share.draw(rng)
		}
		id := fmt.Sprintf("p%04d", i)
		c.products = append(c.products, product{id, "/product/" + id, uint8(category), max(0.5, logNormal(rng, medians[category], 0.8))})
		c.byCategory[category] = append(c.byCategory[category], int32(i))
	}
	c.popular = newAlias(zipf(products, 1.05))
	for i, members := range c.byCategory {
		c.inCategory[i] = newAlias(zipf(len(members), 0.9))
	}
	for i := range videos {
		id := fmt.Sprintf("v%03d", i)
		seconds := int(min(max(logNormal(rng, 180, 0.8), 20), 3600))
		c.videos = append(c.videos, video{id, "/video/" + id, seconds, 0.84 + 0.12*rng.Float64()})
	}
	c.watched = newAlias(zipf(videos, 1.0))
	return c
}

// pick draws a product for somebody who likes a category.
func (c *catalogue) pick(rng *rand.Rand, favourite uint8) int32 {
	if chance(rng, 0.45) {
		return c.byCategory[favourite][c.inCategory[favourite].draw(rng)]
	}
	return int32(c.popular.draw(rng))
}
