// Reads layers as the stargz snapshotter does, through its own reader and cache: what it prefetches, what it fetches in the background, what is read on
// demand. Lines of BLOB, TOC_DIGEST and TAR, parted by tabs, come on the standard input; a line is printed for each fault, and at the end how many files
// were compared. Of a line with a fourth field, ranges of files in JSON, it says how many of them a prefetch alone has cached.
package main

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/containerd/stargz-snapshotter/cache"
	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/containerd/stargz-snapshotter/fs/reader"
	"github.com/containerd/stargz-snapshotter/metadata"
	"github.com/containerd/stargz-snapshotter/metadata/memory"
	digest "github.com/opencontainers/go-digest"
)

type sums map[string][32]byte

// asJSON is what JSON keeps of a name: bytes that are no UTF-8 become U+FFFD.
func asJSON(name string) string {
	var out strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		out.WriteRune(r)
		name = name[n:]
	}
	return out.String()
}

func filesOf(name string) (sums, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	files := sums{}
	for entries := tar.NewReader(file); ; {
		header, err := entries.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg && header.Typeflag != tar.TypeGNUSparse {
			continue
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, entries); err != nil {
			return nil, err
		}
		var sum [32]byte
		copy(sum[:], hash.Sum(nil))
		files[asJSON(strings.TrimPrefix(path.Clean("/"+header.Name), "/"))] = sum
	}
}

// source is the blob, as long as it can be reached.
type source struct {
	io.ReaderAt
	gone int32
}

func (s *source) ReadAt(p []byte, offset int64) (int, error) {
	if atomic.LoadInt32(&s.gone) == 1 {
		return 0, errors.New("the registry is gone")
	}
	return s.ReaderAt.ReadAt(p, offset)
}

// layer is one that was just resolved: nothing of it is cached.
type layer struct {
	blob     *source
	section  *io.SectionReader
	metadata metadata.Reader
	caching  *reader.VerifiableReader
	reader   reader.Reader
	files    sums
}

func open(name, tocDigest string, files sums) (*layer, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	blob := &source{ReaderAt: file}
	section := io.NewSectionReader(blob, 0, info.Size())
	entries, err := memory.NewReader(section)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	caching, err := reader.NewReader(entries, cache.NewMemoryCache(), digest.FromString(name))
	if err != nil {
		return nil, fmt.Errorf("reader: %w", err)
	}
	verified, err := caching.VerifyTOC(digest.Digest(tocDigest))
	if err != nil {
		return nil, fmt.Errorf("VerifyTOC: %w", err)
	}
	return &layer{blob, section, entries, caching, verified, files}, nil
}

// prefetch caches what begins before the landmark.
func (l *layer) prefetch() error {
	id, _, err := l.metadata.GetChild(l.metadata.RootID(), estargz.PrefetchLandmark)
	if err != nil {
		return nil
	}
	end, err := l.metadata.GetOffset(id)
	if err != nil {
		return err
	}
	return l.caching.Cache(reader.WithFilter(func(offset int64) bool { return offset < end }))
}

// background caches everything.
func (l *layer) background() error {
	return l.caching.Cache(
		reader.WithReader(io.NewSectionReader(l.blob, 0, l.section.Size())),
		reader.WithCacheOpts(cache.Direct()),
	)
}

// readAll reads every file in pieces, from its end to its beginning or the other way.
func (l *layer) readAll(folder string, dir uint32, piece int64, backwards bool) (files int, faults []string) {
	l.metadata.ForeachChild(dir, func(base string, id uint32, mode os.FileMode) bool {
		name := path.Join(folder, base)
		if mode.IsDir() && base != "" {
			more, found := l.readAll(name, id, piece, backwards)
			files += more
			faults = append(faults, found...)
		}
		want, ok := l.files[name]
		if !mode.IsRegular() || !ok {
			return true
		}
		files++
		if fault := l.compare(id, want, piece, backwards); fault != nil {
			faults = append(faults, fmt.Sprintf("%q: %v", name, fault))
		}
		return true
	})
	return files, faults
}

func (l *layer) compare(id uint32, want [32]byte, piece int64, backwards bool) error {
	attr, err := l.metadata.GetAttr(id)
	if err != nil {
		return err
	}
	file, err := l.reader.OpenFile(id)
	if err != nil {
		return err
	}
	content := make([]byte, attr.Size)
	count := (attr.Size + piece - 1) / piece
	for index := int64(0); index < count; index++ {
		at := index * piece
		if backwards {
			at = (count - 1 - index) * piece
		}
		end := at + piece
		if end > attr.Size {
			end = attr.Size
		}
		if n, err := file.ReadAt(content[at:end], at); int64(n) != end-at {
			return fmt.Errorf("%d bytes at %d: %v", n, at, err)
		}
	}
	if sha256.Sum256(content) != want {
		return errors.New("has another content")
	}
	return nil
}

func (l *layer) close() { l.caching.Close() }

// check is what becomes of a layer on three nodes: one that waits for everything, one that starts after the prefetch, one that has neither.
func check(blob, tocDigest, tarName string) (int, error) {
	files, err := filesOf(tarName)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, node := range []struct {
		name                 string
		prefetch, background bool
		piece                int64
	}{{"all", true, true, 4096}, {"prefetched", true, false, 1000}, {"nothing", false, false, 700}} {
		l, err := open(blob, tocDigest, files)
		if err != nil {
			return 0, err
		}
		if node.prefetch {
			if err := l.prefetch(); err != nil {
				return 0, fmt.Errorf("prefetch: %w", err)
			}
		}
		if node.background {
			if err := l.background(); err != nil {
				return 0, fmt.Errorf("background fetch: %w", err)
			}
			atomic.StoreInt32(&l.blob.gone, 1)
		}
		count, faults := l.readAll("", l.metadata.RootID(), node.piece, !node.prefetch)
		l.close()
		if len(faults) > 0 {
			return 0, fmt.Errorf("%s: %s", node.name, strings.Join(faults, "; "))
		}
		total += count
	}
	return total, nil
}

// span is bytes of a file that stand ahead of the landmark.
type span struct {
	Path       string
	Start, End int64
}

// fromCache counts the spans that can be read once the prefetch is done and the registry has gone.
func fromCache(blob, tocDigest string, spans []span) (int, error) {
	l, err := open(blob, tocDigest, nil)
	if err != nil {
		return 0, err
	}
	defer l.close()
	if err := l.prefetch(); err != nil {
		return 0, fmt.Errorf("prefetch: %w", err)
	}
	atomic.StoreInt32(&l.blob.gone, 1)
	there := 0
	for _, s := range spans {
		id := l.metadata.RootID()
		for _, base := range strings.Split(s.Path, "/") {
			if id, _, err = l.metadata.GetChild(id, base); err != nil {
				return 0, err
			}
		}
		file, err := l.reader.OpenFile(id)
		if err != nil {
			return 0, err
		}
		if n, _ := file.ReadAt(make([]byte, s.End-s.Start), s.Start); int64(n) == s.End-s.Start {
			there++
		}
	}
	return there, nil
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	total, failed := 0, false
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) < 3 {
			fmt.Println("a line of three or four fields is expected")
			os.Exit(2)
		}
		if len(fields) > 3 {
			var spans []span
			err := json.Unmarshal([]byte(fields[3]), &spans)
			there := 0
			if err == nil {
				there, err = fromCache(fields[0], fields[1], spans)
			}
			if err != nil {
				fmt.Printf("%s: %v\n", fields[0], err)
				os.Exit(1)
			}
			fmt.Printf("%d of %d ranges are in the cache\n", there, len(spans))
			continue
		}
		count, err := check(fields[0], fields[1], fields[2])
		if err != nil {
			failed = true
			fmt.Printf("%s: %v\n", fields[0], err)
		}
		total += count
	}
	fmt.Printf("%d files agree\n", total)
	if failed {
		os.Exit(1)
	}
}
