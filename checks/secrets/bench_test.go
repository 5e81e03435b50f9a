package secrets

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"
)

// goFiles are some megabytes of real source, joined.
func goFiles(b *testing.B) string {
	b.Helper()
	names, err := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", "net", "*", "*.go"))
	if err != nil || len(names) == 0 {
		b.Skip("no sources here")
	}
	var all strings.Builder
	for _, n := range names {
		content, err := os.ReadFile(n)
		if err != nil {
			b.Fatal(err)
		}
		all.Write(content)
	}
	return all.String()
}

func BenchmarkDetect(b *testing.B) {
	text := goFiles(b)
	c, err := New()
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, chunk)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		// The reader hides that it could be read in another way.
		_, err := c.fragments(b.Context(), "a.go", io.MultiReader(strings.NewReader(text)), buf, func(f detect.Fragment) error {
			c.detector.detect(b.Context(), f)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// The redactor is called for each piece of text that any check shows.
func BenchmarkValues(b *testing.B) {
	c, err := New()
	if err != nil {
		b.Fatal(err)
	}
	text := "func open(path string) error {\n\treturn connect(path, token)\n}\n"
	for b.Loop() {
		c.Values(b.Context(), "", text)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}
