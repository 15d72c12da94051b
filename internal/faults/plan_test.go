//go:build linux

package faults

import (
	"reflect"
	"testing"
)

func TestASeedIsAPlan(t *testing.T) {
	for seed := range uint64(200) {
		p := NewPlan(seed, Kinds())
		if !reflect.DeepEqual(p, NewPlan(seed, Kinds())) {
			t.Fatalf("seed %d gives two plans", seed)
		}
		if len(p.Faults) < 3 || len(p.Faults) > 8 {
			t.Errorf("seed %d: %d faults, want 3 to 8", seed, len(p.Faults))
		}
		for i, f := range p.Faults {
			if f.At > p.Lasts || i > 0 && f.At < p.Faults[i-1].At {
				t.Errorf("seed %d: fault %d at %v, out of place", seed, i, f.At)
			}
		}
	}
}

// Every kind is drawn sooner or later.
func TestNoFaultIsForgotten(t *testing.T) {
	drawn := map[Kind]bool{}
	for seed := range uint64(200) {
		for _, f := range NewPlan(seed, Kinds()).Faults {
			drawn[f.Kind] = true
		}
	}
	for _, k := range Kinds() {
		if !drawn[k] {
			t.Errorf("never drawn: %s", k)
		}
	}
}
