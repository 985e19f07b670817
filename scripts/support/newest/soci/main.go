// socijudge reads with SOCI's own library what was written for it. Test peer only.
//
//	socijudge ztoc FILE                 prints what a zTOC holds, as JSON
//	socijudge store ROOT LAYER FILE     checks prefetch spans, keeps them where `soci --root ROOT --content-store soci` looks, prints their digest
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/awslabs/soci-snapshotter/soci"
	"github.com/awslabs/soci-snapshotter/soci/store"
	"github.com/awslabs/soci-snapshotter/ztoc"
	"github.com/awslabs/soci-snapshotter/ztoc/compression"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

type file struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
}

type span struct {
	Offset           int64 `json:"offset"`
	CompressedOffset int64 `json:"compressedOffset"`
	CompressedEnd    int64 `json:"compressedEnd"`
}

type contents struct {
	CompressedSize   int64  `json:"compressedSize"`
	UncompressedSize int64  `json:"uncompressedSize"`
	Files            []file `json:"files"`
	Spans            []span `json:"spans"`
}

func printZtoc(name string) error {
	opened, err := os.Open(name)
	if err != nil {
		return err
	}
	defer opened.Close()
	read, err := ztoc.Unmarshal(opened)
	if err != nil {
		return err
	}
	zinfo, err := read.Zinfo()
	if err != nil {
		return err
	}
	defer zinfo.Close()
	found := contents{CompressedSize: int64(read.CompressedArchiveSize), UncompressedSize: int64(read.UncompressedArchiveSize)}
	for _, each := range read.FileMetadata {
		found.Files = append(found.Files, file{each.Name, int64(each.UncompressedOffset), int64(each.UncompressedSize)})
	}
	for id := compression.SpanID(0); id <= zinfo.MaxSpanID(); id++ {
		found.Spans = append(found.Spans, span{
			int64(zinfo.StartUncompressedOffset(id)),
			int64(zinfo.StartCompressedOffset(id)),
			int64(zinfo.EndCompressedOffset(id, read.CompressedArchiveSize)),
		})
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func storeSpans(root, layer, name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if _, err := soci.UnmarshalPrefetchArtifact(bytes.NewReader(content)); err != nil {
		return err
	}
	kept, err := store.NewSociStore(root + "/content")
	if err != nil {
		return err
	}
	desc := ocispec.Descriptor{MediaType: soci.SociPrefetchMediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
	if err := kept.Push(context.Background(), desc, bytes.NewReader(content)); err != nil && !store.IsErrAlreadyExists(err) {
		return err
	}
	db, err := soci.NewDB(soci.ArtifactsDbPath(root))
	if err != nil {
		return err
	}
	fmt.Println(desc.Digest)
	return db.WriteArtifactEntry(&soci.ArtifactEntry{
		Size: desc.Size, Digest: desc.Digest.String(), OriginalDigest: layer,
		Type: soci.ArtifactEntryTypePrefetch, MediaType: desc.MediaType,
	})
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "ztoc":
		return printZtoc(args[1])
	case len(args) == 4 && args[0] == "store":
		return storeSpans(args[1], args[2], args[3])
	}
	return errors.New("usage: socijudge ztoc FILE | store ROOT LAYER FILE")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "socijudge:", err)
		os.Exit(1)
	}
}
