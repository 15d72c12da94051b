package enrich

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// openCountries reads a database into memory. It is not mapped: a tool that
// updates the file in place would take the process down.
func openCountries(file string) (*maxminddb.Reader, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the GeoIP database: %w", err)
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("the GeoIP database %s is not in MaxMind's format: %w", file, err)
	}
	return reader, nil
}

// country is the ISO 3166-1 alpha-2 code of an address, or "" where the database
// does not know it.
func (e *Enricher) country(ip string) string {
	if e.countries == nil || ip == "" {
		return ""
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ""
	}
	var code string
	if e.countries.Lookup(addr.Unmap().WithZone("")).DecodePath(&code, "country", "iso_code") != nil || len(code) != 2 {
		return ""
	}
	return code
}
