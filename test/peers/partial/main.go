// Pulls layers partially, as podman and CRI-O do, on the library that they use:
//
//	partial ROOT < LAYERS    a JSON array of layers, base first; prints what came of each, in the same order
//
// A layer that the library would rather have pulled whole is an error here. ROOT is kept: what is pulled later finds there what was pulled before.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/opencontainers/go-digest"
	storage "go.podman.io/storage"
	graphdriver "go.podman.io/storage/drivers"
	"go.podman.io/storage/pkg/chunked"
	"go.podman.io/storage/pkg/reexec"
)

type layer struct {
	URL         string            `json:"url"`
	Digest      digest.Digest     `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

type pulled struct {
	DiffID  string `json:"diffId"`
	Fetched int64  `json:"fetched"`
}

// ranges asks for one range after the other, and counts their bytes.
type ranges struct {
	url     string
	fetched int64
}

func (r *ranges) GetBlobAt(chunks []chunked.ImageSourceChunk) (chan io.ReadCloser, chan error, error) {
	streams, errs := make(chan io.ReadCloser), make(chan error)
	go func() {
		defer close(streams)
		defer close(errs)
		for _, chunk := range chunks {
			request, err := http.NewRequest("GET", r.url, nil)
			if err != nil {
				errs <- err
				return
			}
			request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", chunk.Offset, chunk.Offset+chunk.Length-1))
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				errs <- err
				return
			}
			if response.StatusCode != http.StatusPartialContent {
				errs <- fmt.Errorf("%s: %s", r.url, response.Status)
				return
			}
			r.fetched += int64(chunk.Length)
			streams <- response.Body
		}
	}()
	return streams, errs, nil
}

func main() {
	if reexec.Init() {
		return
	}
	if err := pull(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pull(root string) error {
	var layers []layer
	if err := json.NewDecoder(os.Stdin).Decode(&layers); err != nil {
		return err
	}
	store, err := storage.GetStore(storage.StoreOptions{
		RunRoot:         root + "/run",
		GraphRoot:       root + "/graph",
		GraphDriverName: "overlay",
		PullOptions:     map[string]string{"enable_partial_images": "true"},
	})
	if err != nil {
		return err
	}
	defer store.Shutdown(true)
	results, parent := []pulled{}, ""
	for _, each := range layers {
		id := digest.FromString(parent + each.Digest.String()).Encoded()
		source := &ranges{url: each.URL}
		if store.Exists(id) {
			parent = id
			results = append(results, pulled{})
			continue
		}
		differ, err := chunked.NewDiffer(context.Background(), store, each.Digest, each.Size, each.Annotations, source)
		if err != nil {
			return fmt.Errorf("%s: %w", each.Digest, err)
		}
		output, err := store.PrepareStagedLayer(nil, differ)
		if err != nil {
			return fmt.Errorf("%s: %w", each.Digest, err)
		}
		result := pulled{output.UncompressedDigest.String(), source.fetched}
		_, err = store.ApplyStagedLayer(storage.ApplyStagedLayerOptions{
			ID:          id,
			ParentLayer: parent,
			DiffOutput:  output,
			DiffOptions: &graphdriver.ApplyDiffWithDifferOpts{},
		})
		if err != nil {
			return fmt.Errorf("%s: %w", each.Digest, err)
		}
		differ.Close()
		parent = id
		results = append(results, result)
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
