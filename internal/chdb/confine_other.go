//go:build !linux

package chdb

// confine does nothing where there is no Landlock: the grants stand alone, see doc.go.
func confine(cfg Config) error {
	cfg.Logger.Warn("this system offers no Landlock: only grants keep statements from the machine's files")
	return nil
}
