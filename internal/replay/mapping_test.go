package replay

import (
	"strings"
	"testing"
)

func TestMapping(t *testing.T) {
	file := "customer;Time;Dollars;what;geo;x y,z\n7;2024-05-06;11.77;books;DE;1\n"
	for _, c := range []struct {
		name      string
		maps      []string
		constants []string
		want      string
	}{
		{"of the issue", []string{"user_id=customer,timestamp=Time,properties.amount=Dollars,properties.*=*"}, []string{"type=purchase"},
			`"type":"purchase","user_id":"7","timestamp":"2024-05-06T00:00:00.000Z","properties":{"amount":11.77,"what":"books","geo":"DE","x y,z":1}}`},
		{"without the rest", []string{"properties.amount=Dollars"}, []string{"type=purchase"},
			`"type":"purchase","user_id":"7","timestamp":"2024-05-06T00:00:00.000Z","properties":{"amount":11.77}}`},
		{"context, short and long", []string{"country=geo", "context.page=what"}, []string{"type=view", "context.platform=web"},
			`"type":"view","user_id":"7","timestamp":"2024-05-06T00:00:00.000Z","context":{"country":"DE","page":"books","platform":"web"}}`},
		{"nested and constant properties", []string{"properties.item.kind=what,properties.item.price=Dollars"}, []string{"type=view", "properties.source=import", "properties.item.n=2"},
			`"type":"view","user_id":"7","timestamp":"2024-05-06T00:00:00.000Z","properties":{"item":{"kind":"books","price":11.77,"n":2},"source":"import"}}`},
		{"a column twice", []string{"session_id=customer,type=what"}, nil,
			`"type":"books","session_id":"7","timestamp":"2024-05-06T00:00:00.000Z"}`},
		{"a constant time", []string{"user_id=customer"}, []string{"type=v", "timestamp=2024-01-31T10:00:00+02:00"},
			`"type":"v","user_id":"7","timestamp":"2024-01-31T08:00:00.000Z"}`},
		{"a name with a comma", []string{`"properties.n=x y,z"`}, []string{"type=v"},
			`"type":"v","user_id":"7","timestamp":"2024-05-06T00:00:00.000Z","properties":{"n":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Map, cfg.Const = assignments(t, c.maps...), assignments(t, c.constants...)
			path := write(t, "a.csv", []byte(file))
			if c.name == "a column twice" {
				cfg.Const = assignments(t, "user_id=u")
				c.want = `"type":"books","user_id":"u","session_id":"7","timestamp":"2024-05-06T00:00:00.000Z"}`
			}
			check(t, replayFiles(t, cfg, path), []string{c.want})
		})
	}
}

func TestWellKnownNames(t *testing.T) {
	for header, want := range map[string]string{
		"User ID,Event Name,Time":         `"type":"b","user_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
		"distinct_id,event,ts":            `"type":"b","user_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
		"userId,eventType,createdAt":      `"type":"b","user_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
		"visitorid,event,timestamp":       `anonymous`,
		"visitor_id,$event,timestamp":     `"type":"b","anonymous_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
		"CUSTOMER,ACTION,DATE":            `"type":"b","user_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
		"customer_id,event_type,datetime": `"type":"b","user_id":"a","timestamp":"2024-01-01T00:00:00.000Z"}`,
	} {
		got := replayFiles(t, DefaultConfig(), write(t, "a.csv", []byte(header+"\na,b,2024-01-01\n")))
		if want == "anonymous" {
			if got.err == nil || !strings.Contains(got.err.Error(), "no column gives the user") {
				t.Errorf("%s: got %v", header, got.err)
			}
			continue
		}
		check(t, got, []string{want})
	}
}

func TestMappingFaults(t *testing.T) {
	path := write(t, "a.csv", []byte("customer,time,dollars\n1,2024-01-01,2\n"))
	for _, c := range []struct {
		maps, constants []string
		want            []string
	}{
		{[]string{"user_id=custmer"}, []string{"type=v"}, []string{`has no column "custmer"`, `--map user_id`, `did you mean "customer"?`, "its columns are customer, time, dollars"}},
		{[]string{"usr_id=customer"}, nil, []string{`no field "usr_id"`, `did you mean "user_id"?`, "properties.usr_id"}},
		{[]string{"user_id=customer,user_id=time"}, nil, []string{"user_id is given twice"}},
		{[]string{"country=customer,context.country=time"}, nil, []string{"context.country is given twice"}},
		{[]string{"properties.a=customer,properties.a.b=time"}, []string{"type=v"}, []string{"a value and an object"}},
		{[]string{"properties.*=x"}, nil, []string{"properties.*=*"}},
		{[]string{"properties.dollars=time,timestamp=time,properties.*=*"}, []string{"type=v"}, []string{`properties.dollars a second value, from the column "dollars"`}},
		{nil, nil, []string{"no column gives the type of the event", "--const type=purchase", "customer, time, dollars"}},
		{nil, []string{"type=v", "timestamp=soon"}, []string{"--const timestamp=soon: not a time"}},
	} {
		cfg := DefaultConfig()
		cfg.Map, cfg.Const = assignments(t, c.maps...), assignments(t, c.constants...)
		got := replayFiles(t, cfg, path)
		for _, want := range c.want {
			if got.err == nil || !strings.Contains(got.err.Error(), want) {
				t.Errorf("%v %v: got %v, want %q", c.maps, c.constants, got.err, want)
			}
		}
	}
	if _, err := ParseAssignments([]string{"user_id"}); err == nil || !strings.Contains(err.Error(), "write target=value") {
		t.Errorf("got %v", err)
	}
}
