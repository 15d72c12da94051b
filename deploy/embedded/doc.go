// Package embedded pins the engine packages that a laptop needs and a cluster does not.
//
// package.json names them, package-lock.json fixes each by its hash; neither holds an address, so npm
// takes them from whatever registry the machine is set up for. Both files are compiled into the binary,
// which hands them to `npm ci` (see internal/embedded). The packages themselves are never committed.
//
// To move to a newer version: edit package.json, then run in this directory
//
//	npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved
//
// and check that the lock holds no "resolved" line. A new lock has a new hash, so the new engines are
// installed beside the old ones and a running Millrace is not disturbed.
package embedded
