package embedded

import "time"

// clickhouseChild is what the child that serves ClickHouse needs to know.
type clickhouseChild struct {
	Library    string `json:"library"`
	DataDir    string `json:"data_dir"`
	HTTPAddr   string `json:"http_addr"`
	NativeAddr string `json:"native_addr"`
	User       string `json:"user,omitempty"` // empty: chdb's default
	Password   string `json:"password,omitempty"`
}

// Opening loads the list of every table's parts.
const clickhouseStartWithin = 2 * time.Minute

func clickhouseProcess(c clickhouseChild) process {
	p := selfProcess(ClickHouse, child{ClickHouse: &c}, c.DataDir)
	p.startWithin = clickhouseStartWithin
	return p
}
