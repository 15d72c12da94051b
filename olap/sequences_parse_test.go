package olap

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestSequenceErrors keeps the messages of paths, sessions, revenue, video and
// windows in one file that a person can read.
func TestSequenceErrors(t *testing.T) {
	var b strings.Builder
	for _, question := range []string{
		`{"kind":"path"}`,
		`{"kind":"paths","steps":0}`, `{"kind":"paths","steps":21}`, `{"kind":"paths","steps":"5"}`, `{"kind":"paths","limit":0}`, `{"kind":"paths","limit":1001}`,
		`{"kind":"paths","by":"event"}`, `{"kind":"paths","by":"usr"}`, `{"kind":"paths","gap":"0s"}`, `{"kind":"paths","gap":"half an hour"}`, `{"kind":"paths","gap":1800}`, `{"kind":"paths","gap":"366d"}`,
		`{"kind":"paths","items":"pages"}`, `{"kind":"paths","start":""}`, `{"kind":"paths","start":["home"]}`, `{"kind":"paths","start":"home","end":"home"}`,
		`{"kind":"paths","exclude":"login"}`, `{"kind":"paths","exclude":["login",""]}`, `{"kind":"paths","exclude":[5]}`, `{"kind":"paths","group":["/product"]}`, `{"kind":"paths","group":[null]}`,
		`{"kind":"paths","start":"/product/7","group":["/cart*","/product/*"]}`, `{"kind":"paths","end":"purchase","exclude":["pur*"]}`,
		`{"kind":"paths","group":[` + strings.TrimSuffix(strings.Repeat(`"*",`, 51), ",") + `]}`,
		`{"kind":"paths","ends":"x"}`, `{"kind":"paths","breakdown":{"property":"country"}}`, `{"kind":"paths","from":"2026-01-02","to":"2026-01-01"}`, `{"kind":"paths","where":"contry = 1"}`,
		`{"kind":"sessions","gap":"500ms"}`, `{"kind":"sessions","gap":"25h"}`, `{"kind":"sessions","gap":30}`, `{"kind":"sessions","gap":"thirty"}`, `{"kind":"sessions","breakdown":{}}`, `{"kind":"sessions","breakdown":{"property":"contry"}}`,
		`{"kind":"sessions","interval":"year"}`, `{"kind":"sessions","event":"view"}`, `{"kind":"sessions","from":"2020-01-01","to":"2026-01-01","interval":"minute"}`,
		`{"kind":"revenue","currency":5}`, `{"kind":"revenue","curency":"USD"}`, `{"kind":"revenue","top":-1}`, `{"kind":"revenue","top":101}`, `{"kind":"revenue","top":"ten"}`, `{"kind":"revenue","breakdown":{"property":"category","limit":1000}}`, `{"kind":"revenue","breakdown":"category"}`,
		`{"kind":"revenue","timezone":"Moon"}`, `{"kind":"revenue","where":"amount >"}`,
		`{"kind":"video","video_id":5}`, `{"kind":"video","video_id":""}`, `{"kind":"video","video":"v1"}`, `{"kind":"video","breakdown":{"property":"properties"}}`, `{"kind":"video","from":"soon"}`,
		`{"kind":"windows","interval":"hour"}`, `{"kind":"windows","event":""}`, `{"kind":"windows","type":"view"}`, `{"kind":"windows","from":"2020-01-01","to":"2026-01-01"}`, `{"kind":"windows","breakdown":{"property":"country"}}`,
	} {
		_, err := ParseQuery([]byte(question))
		describeFault(t, &b, question, err)
	}
	for _, pair := range [][2]string{
		{`{"kind":"paths","steps":3}`, `{}`}, {`{"kind":"paths","steps":3}`, `{"step":4,"from":"a","to":"b"}`}, {`{"kind":"paths"}`, `{"step":1,"to":"b"}`}, {`{"kind":"paths"}`, `{"step":1,"from":"a"}`}, {`{"kind":"paths"}`, `{"step":1,"from":"a","two":"b"}`},
		{`{"kind":"sessions"}`, `{"breakdown":"IN"}`}, {`{"kind":"sessions","breakdown":{"property":"country"}}`, `{"bucket":"2026-01-01"}`}, {`{"kind":"sessions"}`, `{"bucket":5}`},
		{`{"kind":"revenue"}`, `{"bucket":"2026-01-01"}`}, {`{"kind":"revenue","currency":"USD"}`, `{"currency":"EUR"}`}, {`{"kind":"revenue"}`, `{"currency":"USD","breakdown":"books"}`}, {`{"kind":"revenue","breakdown":{"property":"category"}}`, `{"currency":"USD"}`},
		{`{"kind":"video"}`, `{}`}, {`{"kind":"video"}`, `{"percent":7}`}, {`{"kind":"video"}`, `{"percent":5,"breakdown":"x"}`},
		{`{"kind":"windows"}`, `{}`}, {`{"kind":"windows"}`, `{"window_start":"2026-01-01"}`},
	} {
		q, err := ParseQuery([]byte(pair[0]))
		if err != nil {
			t.Fatal(err)
		}
		_, err = q.(drillable).parseCell(json.RawMessage(pair[1]))
		describeFault(t, &b, pair[0]+" cell "+pair[1], err)
	}
	golden(t, "sequence_errors.txt", b.String())
}

func TestParseTakesWhatTheContractShowsOfSequences(t *testing.T) {
	for _, question := range []string{
		`{"kind":"paths","start":"home","end":null,"steps":5,"limit":50,"by":"session","gap":"30m","items":"auto","exclude":[],"group":["/product/*"]}`,
		`{"kind":"paths"}`, `{"kind":"sessions"}`, `{"kind":"sessions","gap":"30m","interval":"week","week_start":"sunday"}`,
		`{"kind":"revenue","breakdown":{"property":"category","limit":10},"interval":"week"}`, `{"kind":"revenue","currency":null,"top":null}`,
		`{"kind":"video","video_id":null}`, `{"kind":"video","video_id":"v1"}`, `{"kind":"windows"}`, `{"kind":"windows","interval":"10m","event":{"any_of":["view","purchase"]}}`,
	} {
		if _, err := ParseQuery([]byte(question)); err != nil {
			t.Errorf("%s: %v", question, err)
		}
	}
}
