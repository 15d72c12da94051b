package event

import "testing"

func TestSampleSize(t *testing.T) {
	const n = 2000
	texts, size := sampleTexts(n)
	if mean := size / n; mean < 415 || mean > 420 {
		t.Errorf("mean size = %d, want about 417", mean)
	}
	seen := map[string]bool{}
	for i, text := range texts {
		if len(text) < 405 || len(text) > 432 {
			t.Errorf("sample %d has %d bytes: %s", i, len(text), text)
		}
		if seen[string(text)] {
			t.Errorf("sample %d is a repeat", i)
		}
		seen[string(text)] = true
	}
}
