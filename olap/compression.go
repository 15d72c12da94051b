package olap

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// Compression is how inserted events are packed on their way to the server.
type Compression string

// The compressions. What each costs is in docs/benchmarks.md.
const (
	// CompressionAuto is none to a server on this machine, else lz4.
	CompressionAuto Compression = "auto"
	// CompressionNone spends no time and sends about 300 bytes per event.
	CompressionNone Compression = "none"
	// CompressionLZ4 packs everything.
	CompressionLZ4 Compression = "lz4"
	// CompressionLZ4Text packs columns of text alone.
	CompressionLZ4Text Compression = "lz4-text"
	// CompressionZSTD sends the least and takes the longest.
	CompressionZSTD Compression = "zstd"
)

// Compressions lists all of them.
func Compressions() []Compression {
	return []Compression{CompressionAuto, CompressionNone, CompressionLZ4, CompressionLZ4Text, CompressionZSTD}
}

func (c Compression) validate() error {
	if slices.Contains(Compressions(), c) {
		return nil
	}
	names := make([]string, len(Compressions()))
	for i, known := range Compressions() {
		names[i] = string(known)
	}
	return fmt.Errorf("compression %q: write one of %s", c, strings.Join(names, ", "))
}

// to settles what auto is for a server at address.
func (c Compression) to(address string) Compression {
	switch host, _, err := net.SplitHostPort(address); {
	case c != CompressionAuto:
		return c
	case err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback()):
		return CompressionNone
	}
	return CompressionLZ4
}
