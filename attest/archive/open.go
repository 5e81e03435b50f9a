package archive

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/vitalsign-dev/vitalsign/internal/git"
)

// Options is what the kinds of archives need from the outside. What a kind
// does not need may be left empty.
type Options struct {
	// Git is the path of the git command, GitDirectory a directory of the
	// repository that holds the ref.
	Git, GitDirectory string
	// GitCredentials are how git proves to a remote who asks.
	GitCredentials git.Credentials
	// Now dates commits. Without it a git archive can be read only.
	Now func() time.Time
	// Keychain is for registries; nil asks as nobody.
	Keychain authn.Keychain
	// Transport carries requests to registries and to S3; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// AWS is added to the AWS SDK's default chain for credentials and region.
	AWS []func(*config.LoadOptions) error
}

// Open gives the archive at a location; see Parse for its forms. Of a git ref
// with a remote, what is there is fetched.
func Open(ctx context.Context, location string, o Options) (Archive, error) {
	l, err := Parse(location)
	if err != nil {
		return nil, err
	}
	a, err := open(ctx, l, o)
	if err != nil {
		return nil, fmt.Errorf("evidence in %s: %w", l, err)
	}
	return a, nil
}

func open(ctx context.Context, l Location, o Options) (Archive, error) {
	switch l.Kind {
	case Directory:
		return directory{l.Path}, nil
	case GitRef:
		return openGit(ctx, l, o)
	case Registry:
		return openOCI(l, o)
	case Bucket:
		return openS3(ctx, l, o)
	}
	return nil, fmt.Errorf("there is no kind %q", l.Kind)
}
