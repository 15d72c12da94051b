package main

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestCollectorOptions(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string // part of the message; empty where all is well
	}{
		{[]string{"--trusted-proxies", "10.0.0.0/8,192.0.2.1,2001:db8::/32"}, ""},
		{[]string{"--trusted-proxies", "10.0.0.0/8,proxy.local"}, `--trusted-proxies: "proxy.local" is no network such as 10.0.0.0/8, and no address`},
		{[]string{"--enrich=false", "--drop-ip"}, "--geoip and --drop-ip are part of --enrich, which is off"},
		{[]string{"--enrich=false"}, ""},
	} {
		var o upOptions
		flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
		o.register(flags)
		if err := flags.Parse(c.flags); err != nil {
			t.Fatal(err)
		}
		err := o.validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %q", c.flags, err, c.want)
		}
	}
}
