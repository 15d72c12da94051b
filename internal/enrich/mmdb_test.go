package enrich

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// writeCountries makes a small database in MaxMind's format (version 2.0, IPv4,
// records of 24 bits) with one country per prefix. The reader is not ours.
func writeCountries(t *testing.T, countries map[string]string) string {
	t.Helper()
	const empty = -1
	nodes := [][2]int{{empty, empty}}
	var data []byte
	leaves := map[int]int{} // negative record below empty: place in data
	for prefix, code := range countries {
		p := netip.MustParsePrefix(prefix)
		addr, node := p.Addr().As4(), 0
		bit := func(i int) int { return int(addr[i/8]>>(7-i%8)) & 1 }
		for i := range p.Bits() - 1 {
			if nodes[node][bit(i)] == empty {
				nodes = append(nodes, [2]int{empty, empty})
				nodes[node][bit(i)] = len(nodes) - 1
			}
			node = nodes[node][bit(i)]
		}
		mark := -2 - len(leaves)
		leaves[mark] = len(data)
		nodes[node][bit(p.Bits()-1)] = mark
		data = append(data, mmdbMap("country", mmdbMap("iso_code", mmdbText(code)))...)
	}
	var file []byte
	for _, node := range nodes {
		for _, record := range node {
			value := len(nodes) // nothing there
			if record >= 0 {
				value = record
			} else if record < empty {
				value = len(nodes) + 16 + leaves[record]
			}
			file = append(file, byte(value>>16), byte(value>>8), byte(value))
		}
	}
	file = append(file, make([]byte, 16)...)
	file = append(append(file, data...), "\xab\xcd\xefMaxMind.com"...)
	file = append(file, mmdbMap(
		"binary_format_major_version", mmdbUint16(2), "binary_format_minor_version", mmdbUint16(0),
		"build_epoch", []byte{4, 2, 0x65, 0, 0, 0}, "database_type", mmdbText("Test-Country"), "description", mmdbMap(),
		"ip_version", mmdbUint16(4), "languages", []byte{0, 4}, "node_count", mmdbUint16(len(nodes)), "record_size", mmdbUint16(24))...)
	path := filepath.Join(t.TempDir(), "countries.mmdb")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mmdbText(text string) []byte { return append([]byte{2<<5 | byte(len(text))}, text...) }

func mmdbUint16(n int) []byte {
	return binary.BigEndian.AppendUint16([]byte{5<<5 | 2}, uint16(n))
}

// mmdbMap takes names of less than 29 bytes, and values that are encoded already.
func mmdbMap(pairs ...any) []byte {
	out := []byte{7<<5 | byte(len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		out = append(append(out, mmdbText(pairs[i].(string))...), pairs[i+1].([]byte)...)
	}
	return out
}
