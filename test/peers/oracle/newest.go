//go:build go1.25

package main

import (
	"os"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/estargz/externaltoc"
	"github.com/containerd/stargz-snapshotter/estargz/zstdchunked"
)

func decompressorsFor(externalTOC string) ([]estargz.Decompressor, error) {
	if externalTOC == "" {
		return []estargz.Decompressor{new(zstdchunked.Decompressor)}, nil
	}
	provide := func() ([]byte, error) { return os.ReadFile(externalTOC) }
	return []estargz.Decompressor{externaltoc.NewGzipDecompressor(provide)}, nil
}
