package embedded

import "embed"

// Files holds package.json and package-lock.json as they were when the binary was built.
//
//go:embed package.json package-lock.json
var Files embed.FS
