package image

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Each signer's signature is kept beside the others'; the same one again, or one
// that is recognised, changes nothing.
func TestSeveralSigners(t *testing.T) {
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(s.URL, "http://") + "/clinic/portal:v1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	d, err := Registry{}.Resolve(t.Context(), ref.String())
	if err != nil {
		t.Fatal(err)
	}
	const signers = 3
	for i := range 2 * signers {
		mine := func(bundle []byte) bool { return i == 0 && bundle == nil } // nobody's
		if err := (Registry{}).PutSignature(t.Context(), d, []byte(`{"n":1}`), fmt.Appendf(nil, "signature %d", i%signers), mine); err != nil {
			t.Fatal(err)
		}
	}
	if err := (Registry{}).PutSignature(t.Context(), d, []byte(`{"n":1}`), []byte("another"), func([]byte) bool { return true }); err != nil {
		t.Fatal(err)
	}
	all, err := Registry{}.Fetch(t.Context(), d)
	if err != nil || len(all) != signers {
		t.Errorf("%d of %d signatures, %v", len(all), signers, err)
	}
}
