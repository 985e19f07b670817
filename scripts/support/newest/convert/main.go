// convert makes eStargz or zstd:chunked of an image with the newest release's library, as `ctr-remote images optimize` and `nerdctl image
// convert` call it: their own modules can't be had by name. Images are in layouts, whose blobs are containerd's content store.
//
//	convert [--record FILE] [--level N] [--zstdchunked] SOURCE_FOLDER TARGET_FOLDER
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images/converter"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/platforms"
	"github.com/containerd/stargz-snapshotter/estargz"
	estargzconvert "github.com/containerd/stargz-snapshotter/nativeconverter/estargz"
	zstdconvert "github.com/containerd/stargz-snapshotter/nativeconverter/zstdchunked"
	"github.com/containerd/stargz-snapshotter/recorder"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// labels of blobs, which containerd keeps in its database.
type labels struct {
	lock  sync.Mutex
	known map[digest.Digest]map[string]string
}

func (l *labels) Get(of digest.Digest) (map[string]string, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return maps.Clone(l.known[of]), nil
}

func (l *labels) Set(of digest.Digest, all map[string]string) error {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.known[of] = maps.Clone(all)
	return nil
}

func (l *labels) Update(of digest.Digest, changes map[string]string) (map[string]string, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	updated := maps.Clone(l.known[of])
	if updated == nil {
		updated = map[string]string{}
	}
	maps.Copy(updated, changes)
	maps.DeleteFunc(updated, func(_, value string) bool { return value == "" })
	l.known[of] = updated
	return maps.Clone(updated), nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// prioritized reads a record file: the paths of each layer, each once, in the order of their first access.
func prioritized(file string, layers []ocispec.Descriptor) (map[digest.Digest][]estargz.Option, error) {
	record, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer record.Close()
	paths := map[digest.Digest][]string{}
	seen := map[string]bool{}
	for entries := json.NewDecoder(record); ; {
		var entry recorder.Entry
		if err := entries.Decode(&entry); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if entry.LayerIndex == nil || *entry.LayerIndex >= len(layers) {
			return nil, fmt.Errorf("%s: %s is in no layer of the image", file, entry.Path)
		}
		layer := layers[*entry.LayerIndex].Digest
		if key := fmt.Sprint(layer, entry.Path); !seen[key] {
			seen[key] = true
			paths[layer] = append(paths[layer], entry.Path)
		}
	}
	options := map[digest.Digest][]estargz.Option{}
	for layer, each := range paths {
		options[layer] = []estargz.Option{estargz.WithPrioritizedFiles(each)}
	}
	return options, nil
}

type options struct {
	record      string
	level       int
	zstdchunked bool
}

func (o options) layer(perLayer map[digest.Digest][]estargz.Option) converter.ConvertFunc {
	if o.zstdchunked {
		return zstdconvert.LayerConvertWithLayerOptsFunc(perLayer)
	}
	return estargzconvert.LayerConvertWithLayerAndCommonOptsFunc(perLayer, estargz.WithCompressionLevel(o.level))
}

func convert(source, target string, asked options) error {
	ctx := context.Background()
	if err := os.CopyFS(target, os.DirFS(source)); err != nil {
		return err
	}
	store, err := local.NewLabeledStore(target, &labels{known: map[digest.Digest]map[string]string{}})
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := readJSON(filepath.Join(target, "index.json"), &index); err != nil {
		return err
	}
	root := index.Manifests[0]
	perLayer := map[digest.Digest][]estargz.Option{}
	if asked.record != "" {
		var manifest ocispec.Manifest
		text, err := content.ReadBlob(ctx, store, root)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return err
		}
		if perLayer, err = prioritized(asked.record, manifest.Layers); err != nil {
			return err
		}
	}
	converted, err := converter.DefaultIndexConvertFunc(asked.layer(perLayer), true, platforms.All)(ctx, store, root)
	if err != nil {
		return err
	}
	converted.Annotations = root.Annotations
	index.Manifests = []ocispec.Descriptor{*converted}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(target, "index.json"), text, 0o644)
}

func main() {
	var asked options
	flag.StringVar(&asked.record, "record", "", "record file: what goes ahead of the landmark")
	flag.IntVar(&asked.level, "level", 9, "of gzip")
	flag.BoolVar(&asked.zstdchunked, "zstdchunked", false, "zstd:chunked instead of eStargz")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "convert [--record FILE] [--level N] [--zstdchunked] SOURCE_FOLDER TARGET_FOLDER")
		os.Exit(2)
	}
	if err := convert(flag.Arg(0), flag.Arg(1), asked); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}
