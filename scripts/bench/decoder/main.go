// What a prefetch costs the stargz snapshotter once it has the bytes: each BLOB is read by the snapshotter's own reader into a cache on disk, five
// times. Prints a line of JSON for each: chunks, bytes of content, and milliseconds of CPU time, the median.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"sort"
	"syscall"

	"github.com/containerd/stargz-snapshotter/cache"
	"github.com/containerd/stargz-snapshotter/fs/reader"
	"github.com/containerd/stargz-snapshotter/metadata"
	"github.com/containerd/stargz-snapshotter/metadata/memory"
	digest "github.com/opencontainers/go-digest"
)

type measured struct {
	Chunks  int
	Content int64
	CPU     float64
}

func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func count(entries metadata.Reader, dir uint32, sum *measured) {
	entries.ForeachChild(dir, func(base string, id uint32, mode os.FileMode) bool {
		if mode.IsDir() {
			count(entries, id, sum)
		} else if attr, err := entries.GetAttr(id); err == nil && mode.IsRegular() {
			sum.Chunks++
			sum.Content += attr.Size
		}
		return true
	})
}

func once(name string) (measured, error) {
	var sum measured
	file, err := os.Open(name)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return sum, err
	}
	entries, err := memory.NewReader(io.NewSectionReader(file, 0, info.Size()))
	if err != nil {
		return sum, err
	}
	folder, err := os.MkdirTemp("", "decoder")
	if err != nil {
		return sum, err
	}
	defer os.RemoveAll(folder)
	store, err := cache.NewDirectoryCache(folder, cache.DirectoryCacheConfig{SyncAdd: true})
	if err != nil {
		return sum, err
	}
	layer, err := reader.NewReader(entries, store, digest.FromString(name))
	if err != nil {
		return sum, err
	}
	defer layer.Close()
	if _, err := layer.VerifyTOC(entries.TOCDigest()); err != nil {
		return sum, err
	}
	count(entries, entries.RootID(), &sum)
	runtime.GC()
	before := cpu()
	err = layer.Cache()
	sum.CPU = cpu() - before
	return sum, err
}

func main() {
	for _, name := range os.Args[1:] {
		var all []measured
		for range 5 {
			each, err := once(name)
			if err != nil {
				fmt.Fprintln(os.Stderr, name, err)
				os.Exit(1)
			}
			all = append(all, each)
		}
		sort.Slice(all, func(i, j int) bool { return all[i].CPU < all[j].CPU })
		line, _ := json.Marshal(all[len(all)/2])
		fmt.Println(string(line))
	}
}
