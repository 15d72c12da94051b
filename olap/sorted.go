package olap

import (
	"cmp"
	"maps"
	"slices"
)

// sortedKeys makes anything that is built from a map repeatable.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
