//go:build !go1.25

package main

import (
	"fmt"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/estargz/zstdchunked"
)

// decompressorsFor: the library of Debian's package knows no table of contents outside of its layer.
func decompressorsFor(externalTOC string) ([]estargz.Decompressor, error) {
	if externalTOC != "" {
		return nil, fmt.Errorf("an external table of contents needs a newer library")
	}
	return []estargz.Decompressor{new(zstdchunked.Decompressor)}, nil
}
