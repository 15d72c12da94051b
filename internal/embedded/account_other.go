//go:build !unix

package embedded

type account struct{ name string }

func postgresAccount(string) (*account, error) { return nil, ErrUnsupported }

func (a *account) give(string) error { return nil }

func (a *account) barrier(string) string { return "" }
