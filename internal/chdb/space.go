package chdb

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mostKeptFree is what inserts and merges leave of a disk that is large enough.
	mostKeptFree = 512 << 20
	// shareKeptFree is the part of a smaller disk that they leave: one in so many bytes.
	shareKeptFree = 20
	// startNeeds is what an opening engine may write, with room to spare.
	startNeeds = 8 << 20
)

// keptFree is the number of bytes that inserts and merges leave free on the disk of dir. The engine then
// refuses an insert with code 243, NOT_ENOUGH_SPACE, and begins no merge whose result would not fit.
//
// Its own limit is one megabyte, which is gone between its check and its writes: other inserts and merges
// write too, and so does every other program on the disk.
func keptFree(cfg Config) (int64, error) {
	if cfg.KeepFree > 0 {
		return cfg.KeepFree, nil
	}
	total, _, err := diskSpace(cfg.DataDir)
	return min(mostKeptFree, total/shareKeptFree), err
}

// diskSpace is the size of the disk of dir and what is free of it, in bytes.
func diskSpace(dir string) (total, free int64, err error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	size := int64(disk.Bsize)
	return int64(disk.Blocks) * size, int64(disk.Bavail) * size, nil
}

// awaitSpace returns when the disk has room for an opening engine. A full disk is no reason to give up:
// somebody will make room.
func awaitSpace(ctx context.Context, cfg Config) error {
	const look, remind = 200 * time.Millisecond, 30 * time.Second
	var told time.Time
	for {
		_, free, err := diskSpace(cfg.DataDir)
		if err != nil || free >= startNeeds {
			return err
		}
		if time.Since(told) > remind {
			told = time.Now()
			cfg.Logger.Warn("the disk is full: waiting for space", "dir", cfg.DataDir, "free_bytes", free, "needed_bytes", startNeeds)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}
