//go:build ignore

// Generate writes std.bin.zst: the exported types of every importable package
// of the standard library on linux/amd64, in the format that stdtypes.go
// documents.
//
//	go run generate.go          # writes std.bin.zst
//	go run generate.go -print   # writes the same, uncompressed, to standard output
//
// It needs the go command, and is run at development time only.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/token"
	"go/types"
	"log"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/go/gcexportdata"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("stdtypes: ")
	toStdout := flag.Bool("print", false, "write the uncompressed data to standard output")
	flag.Parse()
	data, err := build()
	if err != nil {
		log.Fatal(err)
	}
	if *toStdout {
		_, err = os.Stdout.Write(data)
	} else {
		err = compress(data)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func compress(data []byte) error {
	// One goroutine and the best level: the same bytes on every machine.
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return os.WriteFile("std.bin.zst", w.EncodeAll(data, nil), 0o644)
}

// build returns the uncompressed container.
func build() ([]byte, error) {
	exports, err := exportFiles()
	if err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(exports))
	for path := range exports {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	var head, body bytes.Buffer
	fmt.Fprintf(&head, "%s\n", runtime.Version())
	for _, path := range paths {
		data, err := reencode(path, exports[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		fmt.Fprintf(&head, "%s %d\n", path, len(data))
		body.Write(data)
	}
	head.WriteByte('\n')
	return append(head.Bytes(), body.Bytes()...), nil
}

// exportFiles returns the compiler's export file of each importable package.
func exportFiles() (map[string]string, error) {
	cmd := exec.Command("go", "list", "-export", "-f", "{{.ImportPath}}\t{{.Export}}", "std")
	// The target is fixed so that the file does not depend on who generates it.
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=1", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -export std: %w", err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if file == "" || !importable(path) {
			continue
		}
		exports[path] = file
	}
	return exports, nil
}

// importable reports whether code outside the standard library may import path.
func importable(path string) bool {
	if strings.HasPrefix(path, "vendor/") {
		return false
	}
	for elem := range strings.SplitSeq(path, "/") {
		if elem == "internal" {
			return false
		}
	}
	return true
}

// reencode reads one export file and writes its package without positions: no
// rule looks at them, they are a third of the size, and they name files.
func reencode(path, file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gcexportdata.NewReader(f)
	if err != nil {
		return nil, err
	}
	pkg, err := gcexportdata.Read(r, token.NewFileSet(), map[string]*types.Package{}, path)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := gcexportdata.Write(&out, token.NewFileSet(), pkg); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
