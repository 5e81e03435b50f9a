package archive

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// Kind is one of the kinds of places.
type Kind string

// The kinds of places.
const (
	Directory Kind = "dir"
	GitRef    Kind = "git"
	Registry  Kind = "oci"
	Bucket    Kind = "s3"
)

// Location is where an archive is, in words.
type Location struct {
	Kind Kind
	// Path is the directory. A relative one is below the working directory of
	// the process.
	Path string
	// Ref and Remote are the git ref, and a remote of the repository or an
	// address; "" keeps the evidence in the repository only.
	Ref, Remote string
	// Repository is that of the registry: registry.example/team/evidence.
	Repository string
	// Bucket and Prefix are those in S3; Region, Endpoint and PathStyle are for
	// servers other than Amazon's.
	Bucket, Prefix, Region, Endpoint string
	PathStyle                        bool
}

const forms = "dir:PATH, git:REF[@REMOTE], oci://REGISTRY/REPOSITORY or s3://BUCKET/PREFIX[?region=..&endpoint=..&path_style=true]"

var (
	scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`) // two letters or more: C: is a drive
	// git-check-ref-format(1), and narrower. Other parts of refs/ have a
	// meaning of their own: a tag, or a replacement of an object.
	refForm    = regexp.MustCompile(`^refs/(heads|vitalsign)(/[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?)+$`)
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionForm = regexp.MustCompile(`^[a-z0-9-]*$`)
)

// Parse reads a location: dir:PATH or a plain path, git:REF[@REMOTE],
// oci://REGISTRY/REPOSITORY, s3://BUCKET/PREFIX?region=..&endpoint=..&path_style=true.
func Parse(location string) (Location, error) {
	if strings.ContainsFunc(location, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return Location{}, fmt.Errorf("the place %q has control characters", location)
	}
	m := scheme.FindStringSubmatch(location)
	var l Location
	var err error
	switch {
	case m == nil:
		l, err = parseDir(location)
	case m[1] == string(Directory):
		l, err = parseDir(location[len("dir:"):])
	case m[1] == string(GitRef):
		l, err = parseGit(location[len("git:"):])
	case strings.HasPrefix(location, "oci://"):
		l, err = parseOCI(location[len("oci://"):])
	case strings.HasPrefix(location, "s3://"):
		l, err = parseS3(location)
	default:
		err = fmt.Errorf("it is none of %s", forms)
	}
	if err != nil {
		return Location{}, fmt.Errorf("%q is no place for evidence: %w", location, err)
	}
	return l, nil
}

// String writes a location so that Parse reads it again.
func (l Location) String() string {
	switch l.Kind {
	case Directory:
		return "dir:" + l.Path
	case GitRef:
		if l.Remote != "" {
			return "git:" + l.Ref + "@" + l.Remote
		}
		return "git:" + l.Ref
	case Registry:
		return "oci://" + l.Repository
	case Bucket:
		return "s3://" + l.Bucket + "/" + l.Prefix + l.query()
	}
	return ""
}

func (l Location) query() string {
	q := url.Values{}
	if l.Region != "" {
		q.Set("region", l.Region)
	}
	if l.Endpoint != "" {
		q.Set("endpoint", l.Endpoint)
	}
	if l.PathStyle {
		q.Set("path_style", "true")
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func parseDir(p string) (Location, error) {
	if p == "" {
		return Location{}, errors.New("the path of the directory is missing")
	}
	return Location{Kind: Directory, Path: p}, nil
}

func parseGit(s string) (Location, error) {
	ref, remote, named := strings.Cut(s, "@")
	switch {
	case !refForm.MatchString(ref) || strings.Contains(ref, "..") || strings.Contains(ref+"/", ".lock/"):
		return Location{}, errors.New("a ref is refs/vitalsign/NAME or refs/heads/NAME")
	case named && (remote == "" || remote[0] == '-'):
		return Location{}, errors.New("behind @ comes the name of a remote or its address")
	}
	return Location{Kind: GitRef, Ref: ref, Remote: remote}, nil
}

func parseOCI(s string) (Location, error) {
	r, err := name.NewRepository(s, name.StrictValidation)
	if err != nil {
		return Location{}, fmt.Errorf("a registry's place is oci://REGISTRY/REPOSITORY: %w", err)
	}
	return Location{Kind: Registry, Repository: r.Name()}, nil
}

func parseS3(location string) (Location, error) {
	u, err := url.Parse(location)
	if err != nil {
		return Location{}, err
	}
	l := Location{Kind: Bucket, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	switch {
	case u.User != nil || u.Fragment != "" || !bucketForm.MatchString(l.Bucket):
		return l, errors.New("the bucket's name is 3 to 63 of a-z 0-9 . -, without user, port or fragment")
	case l.Prefix != "" && path.Clean(l.Prefix) != l.Prefix, strings.HasPrefix(l.Prefix, ".."), checkCharacters(l.Prefix) != nil:
		return l, errors.New("the prefix is parts of A-Z a-z 0-9 . _ - with a slash between them")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return l, err
	}
	for key, values := range q {
		if len(values) != 1 {
			return l, fmt.Errorf("%s is said more than once", key)
		}
		if err := l.setting(key, values[0]); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (l *Location) setting(key, value string) error {
	switch key {
	case "region":
		l.Region = value
		if !regionForm.MatchString(value) {
			return fmt.Errorf("%q is no region", value)
		}
	case "endpoint":
		l.Endpoint = value
		u, err := url.Parse(value)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return errors.New("an endpoint is https://HOST[:PORT]")
		case u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Host)):
			return errors.New("an endpoint is https, or http on this machine")
		}
	case "path_style":
		if value != "true" && value != "false" {
			return errors.New("path_style is true or false")
		}
		l.PathStyle = value == "true"
	default:
		return fmt.Errorf("there is no setting %q; known are region, endpoint and path_style", key)
	}
	return nil
}
