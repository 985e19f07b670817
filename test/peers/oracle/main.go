// An independent judge of our layers, on the format's own library. It never sees our code:
//
//	oracle check BLOB TOC_DIGEST ORIGINAL_TAR [EXTERNAL_TOC|-] [no-landmark]
//	                                            every file and all metadata of the tar, read through the library
//	oracle build TAR BLOB CHUNK_SIZE [FILE…]    a layer as the library writes it, FILEs prioritized; prints its TOC digest
//	oracle serve                                reads such commands, one a line, fields parted by tabs
//
// `check` prints one line a fault and ends with status 1 when there is any; else it prints what it compared. `serve` answers each line
// with one of its own, a JSON string behind "ok " or "fault ".
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/containerd/stargz-snapshotter/estargz"
	"github.com/klauspost/compress/zstd"
	digest "github.com/opencontainers/go-digest"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	answer, err := do(os.Args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

func do(args []string) (string, error) {
	switch {
	case len(args) >= 4 && len(args) <= 6 && args[0] == "check":
		question := layer{blob: args[1], tocDigest: args[2], tar: args[3], landmarks: 1}
		if len(args) > 4 && args[4] != "-" {
			question.externalTOC = args[4]
		}
		if len(args) > 5 && args[5] == "no-landmark" {
			question.landmarks = 0
		}
		count, err := check(question)
		return fmt.Sprintf("%d entries agree", count), err
	case len(args) >= 4 && args[0] == "build":
		return build(args[1], args[2], args[3], args[4:])
	}
	return "", fmt.Errorf("usage: oracle check BLOB TOC_DIGEST ORIGINAL_TAR [EXTERNAL_TOC|-] [no-landmark] | oracle build TAR BLOB CHUNK_SIZE [FILE…] | oracle serve")
}

func serve() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		answer, err := doSafely(strings.Split(lines.Text(), "\t"))
		kind := "ok"
		if err != nil {
			kind, answer = "fault", err.Error()
		}
		text, _ := json.Marshal(answer)
		fmt.Println(kind, string(text))
	}
}

// doSafely turns a panic of the library into an answer: whoever asked has the layer that caused it.
func doSafely(args []string) (answer string, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return do(args)
}

func section(name string) (*io.SectionReader, func() error, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	return io.NewSectionReader(file, 0, info.Size()), file.Close, nil
}

func build(tarName, blobName, chunk string, files []string) (string, error) {
	size, err := strconv.Atoi(chunk)
	if err != nil {
		return "", err
	}
	in, close, err := section(tarName)
	if err != nil {
		return "", err
	}
	defer close()
	options := []estargz.Option{estargz.WithChunkSize(size)}
	if len(files) > 0 {
		options = append(options, estargz.WithPrioritizedFiles(files))
	}
	blob, err := estargz.Build(in, options...)
	if err != nil {
		return "", err
	}
	out, err := os.Create(blobName)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(out, blob); err != nil {
		return "", err
	}
	if err := blob.Close(); err != nil {
		return "", err
	}
	return blob.TOCDigest().String(), out.Close()
}

// expected is what the tar says about a path.
type expected struct {
	header *tar.Header
	sum    [32]byte
}

func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

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

func readTar(name string) (map[string]expected, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	files := map[string]expected{}
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		hash := sha256.New()
		if _, err := io.Copy(hash, reader); err != nil {
			return nil, err
		}
		key := asJSON(clean(header.Name))
		switch key {
		case estargz.TOCTarName, estargz.PrefetchLandmark, estargz.NoPrefetchLandmark:
			continue
		}
		item := expected{header: header}
		copy(item.sum[:], hash.Sum(nil))
		files[key] = item
	}
}

type layer struct {
	blob, tocDigest, tar, externalTOC string
	// that it has to have
	landmarks int
}

type judge struct {
	landmarks int
	faults    []string
	reader    *estargz.Reader
	verify    estargz.TOCEntryVerifier
	files     map[string]expected
	seen      map[string]bool
}

func (j *judge) fault(format string, args ...interface{}) {
	j.faults = append(j.faults, fmt.Sprintf(format, args...))
}

func check(question layer) (int, error) {
	files, err := readTar(question.tar)
	if err != nil {
		return 0, fmt.Errorf("the original: %w", err)
	}
	blob, close, err := section(question.blob)
	if err != nil {
		return 0, err
	}
	defer close()
	decompressors, err := decompressorsFor(question.externalTOC)
	if err != nil {
		return 0, err
	}
	reader, err := estargz.Open(blob, estargz.WithDecompressors(decompressors...))
	if err != nil {
		return 0, fmt.Errorf("Open: %w", err)
	}
	verifier, err := reader.VerifyTOC(digest.Digest(question.tocDigest))
	if err != nil {
		return 0, fmt.Errorf("VerifyTOC: %w", err)
	}
	j := &judge{landmarks: question.landmarks, reader: reader, verify: verifier, files: files, seen: map[string]bool{}}
	root, ok := reader.Lookup("")
	if !ok {
		return 0, fmt.Errorf("no root")
	}
	if item, ok := files[""]; ok {
		j.seen[""] = true
		j.metadata("", root, item.header)
	}
	j.walk("", root)
	for name := range files {
		if !j.seen[name] {
			j.fault("%q is missing", name)
		}
	}
	if err := j.landmark(); err != nil {
		j.fault("landmark: %v", err)
	}
	if _, err := blob.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	j.stream(blob)
	if len(j.faults) > 0 {
		sort.Strings(j.faults)
		return 0, fmt.Errorf("%s", strings.Join(j.faults, "\n"))
	}
	return len(files), nil
}

// Ranges ahead hang on files that only the table of contents has. By this name no unpacker and no snapshotter shows them.
const anchors = ".wh..wh.headstart."

// anchor is read as any file: a prefetch that can't read it gives up.
func (j *judge) anchor(name string) {
	file, err := j.reader.OpenFile(name)
	if err != nil {
		j.fault("%q: %v", name, err)
		return
	}
	if content, err := io.ReadAll(file); err != nil || string(content) != "\n" {
		j.fault("%q holds %q: %v", name, content, err)
	}
}

func (j *judge) walk(folder string, dir *estargz.TOCEntry) {
	dir.ForeachChild(func(base string, entry *estargz.TOCEntry) bool {
		name := path.Join(folder, base)
		if name == estargz.PrefetchLandmark || name == estargz.NoPrefetchLandmark {
			return true
		}
		if strings.HasPrefix(name, anchors) {
			j.anchor(name)
			return true
		}
		item, ok := j.files[name]
		if !ok {
			if entry.Type != "dir" {
				j.fault("%q is not in the tar", name)
			}
		} else {
			j.seen[name] = true
			j.compare(name, entry, item)
		}
		if entry.Type == "dir" {
			j.walk(name, entry)
		}
		return true
	})
}

func (j *judge) compare(name string, entry *estargz.TOCEntry, item expected) {
	header := item.header
	for header.Typeflag == tar.TypeLink { // the library answers with the target
		target, ok := j.files[asJSON(clean(header.Linkname))]
		if !ok {
			j.fault("%q links to nothing", name)
			return
		}
		item, header = target, target.header
	}
	j.metadata(name, entry, header)
	if entry.Type == "reg" {
		j.content(name, entry, item)
	}
}

var types = map[byte]string{
	tar.TypeReg: "reg", tar.TypeRegA: "reg", tar.TypeGNUSparse: "reg", tar.TypeCont: "reg", tar.TypeDir: "dir",
	tar.TypeSymlink: "symlink", tar.TypeLink: "hardlink", tar.TypeChar: "char", tar.TypeBlock: "block", tar.TypeFifo: "fifo",
}

func (j *judge) metadata(name string, entry *estargz.TOCEntry, header *tar.Header) {
	same := func(what string, got, want interface{}) {
		if got != want {
			j.fault("%q: %s is %v, the tar says %v", name, what, got, want)
		}
	}
	kind := types[header.Typeflag]
	same("type", entry.Type, kind)
	same("mode", entry.Mode, header.Mode&07777)
	same("uid", entry.UID, header.Uid)
	same("gid", entry.GID, header.Gid)
	if header.Uname != "" {
		same("user", entry.Uname, asJSON(header.Uname))
	}
	if header.Gname != "" {
		same("group", entry.Gname, asJSON(header.Gname))
	}
	if year := header.ModTime.UTC().Year(); header.ModTime.Unix() != 0 && year >= 0 && year <= 9999 {
		same("time", entry.ModTime().Unix(), header.ModTime.Unix())
	}
	if kind == "reg" {
		same("size", entry.Size, header.Size)
	}
	if kind == "symlink" {
		same("target", entry.LinkName, asJSON(header.Linkname))
	}
	if kind == "char" || kind == "block" {
		same("device", fmt.Sprint(entry.DevMajor, entry.DevMinor), fmt.Sprint(header.Devmajor, header.Devminor))
	}
	j.xattrs(name, entry, header)
}

func (j *judge) xattrs(name string, entry *estargz.TOCEntry, header *tar.Header) {
	const prefix = "SCHILY.xattr."
	count := 0
	for key, value := range header.PAXRecords {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		count++
		if got, ok := entry.Xattrs[asJSON(key[len(prefix):])]; !ok || string(got) != value {
			j.fault("%q: xattr %s is %q, the tar says %q", name, key[len(prefix):], got, value)
		}
	}
	if count != len(entry.Xattrs) {
		j.fault("%q has %d xattrs, in the tar %d", name, len(entry.Xattrs), count)
	}
}

// content reads the file through the library, once whole and once chunk by chunk with the library's verifier.
func (j *judge) content(name string, entry *estargz.TOCEntry, item expected) {
	file, err := j.reader.OpenFile(entry.Name)
	if err != nil {
		j.fault("%q: open: %v", name, err)
		return
	}
	if file.Size() != item.header.Size {
		j.fault("%q has %d bytes, in the tar %d", name, file.Size(), item.header.Size)
		return
	}
	hash := sha256.New()
	for at := int64(0); at < entry.Size; {
		chunk, ok := j.reader.ChunkEntryForOffset(entry.Name, at)
		if !ok {
			j.fault("%q has no chunk at %d", name, at)
			return
		}
		if chunk.ChunkOffset != at {
			j.fault("%q: the chunk for %d begins at %d", name, at, chunk.ChunkOffset)
			return
		}
		bytes := make([]byte, chunk.ChunkSize)
		if n, err := file.ReadAt(bytes, at); int64(n) != chunk.ChunkSize {
			j.fault("%q: %d bytes at %d: %v", name, n, at, err)
			return
		}
		verifier, err := j.verify.Verifier(chunk)
		if err != nil {
			j.fault("%q: %v", name, err)
			return
		}
		verifier.Write(bytes)
		if !verifier.Verified() {
			j.fault("%q: the chunk at %d is not what its digest says", name, at)
		}
		hash.Write(bytes)
		at += chunk.ChunkSize
	}
	if !bytes.Equal(hash.Sum(nil), item.sum[:]) {
		j.fault("%q has another content", name)
	}
	if want := digest.NewDigestFromBytes(digest.SHA256, item.sum[:]); entry.Digest != want.String() {
		j.fault("%q: digest %s, in the tar %s", name, entry.Digest, want)
	}
}

// landmark wants exactly one of the two, with its content; or none, if the layer is to have none.
func (j *judge) landmark() error {
	found := 0
	for _, name := range []string{estargz.PrefetchLandmark, estargz.NoPrefetchLandmark} {
		if _, ok := j.reader.Lookup(name); !ok {
			continue
		}
		found++
		file, err := j.reader.OpenFile(name)
		if err != nil {
			return err
		}
		content := make([]byte, file.Size())
		if _, err := file.ReadAt(content, 0); err != nil && err != io.EOF {
			return err
		}
		if !bytes.Equal(content, []byte{0x0f}) {
			return fmt.Errorf("%s holds %x", name, content)
		}
	}
	if found != j.landmarks {
		return fmt.Errorf("%d of them", found)
	}
	return nil
}

func unpacked(blob io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(blob)
	if head, err := buffered.Peek(4); err == nil && bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return zstd.NewReader(buffered)
	}
	return gzip.NewReader(buffered)
}

// stream reads the blob as an old runtime does: one gzip or zstd stream, one tar.
func (j *judge) stream(blob io.Reader) {
	unzipped, err := unpacked(blob)
	if err != nil {
		j.fault("stream: %v", err)
		return
	}
	reader := tar.NewReader(unzipped)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			j.fault("tar: %v", err)
			return
		}
		if _, err := io.Copy(io.Discard, reader); err != nil {
			j.fault("tar: %q: %v", header.Name, err)
			return
		}
	}
	if _, err := io.Copy(io.Discard, unzipped); err != nil {
		j.fault("stream: %v", err)
	}
}
