package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// bucket is an archive in an S3 bucket, or below a prefix in one. A name is
// added by a conditional write (PutObject with If-None-Match: *), which fails
// when the name is taken, in one step. On a server that does not know
// conditions two writers of different bytes under one name, who come in the
// same moment, can end with one of them replaced. Turn on
// versioning or Object Lock, and nothing is lost at all.
type bucket struct {
	client *s3.Client
	bucket string
	prefix string // "" or with a slash at the end
}

var _ Archive = (*bucket)(nil)

// openS3 makes the client. config.LoadDefaultConfig reads the environment and
// the files ~/.aws: that is how everybody gives credentials to S3, it is the
// only place in which this package lets a library do so, and it happens only
// when the user names a bucket.
func openS3(ctx context.Context, l Location, o Options) (Archive, error) {
	load := o.AWS
	if l.Region != "" {
		load = append([]func(*config.LoadOptions) error{config.WithRegion(l.Region)}, load...)
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, err
	}
	c.HTTPClient = httpClient(c.HTTPClient, o.Transport)
	if c.Region == "" {
		if l.Endpoint == "" {
			return nil, errors.New("no region: say ?region=.. or set AWS_REGION")
		}
		c.Region = "us-east-1" // what other servers take for theirs
	}
	client := s3.NewFromConfig(c, func(so *s3.Options) {
		if l.Endpoint != "" {
			so.BaseEndpoint = aws.String(l.Endpoint)
		}
		so.UsePathStyle = l.PathStyle
		// Other servers do not know the newer checksums in trailers. The
		// request is signed over its SHA-256 as it is.
		so.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		so.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	b := &bucket{client: client, bucket: l.Bucket}
	if l.Prefix != "" {
		b.prefix = l.Prefix + "/"
	}
	return b, nil
}

// httpClient carries what goes to the bucket. Under it is the caller's
// transport, or the SDK's own, which knows AWS_CA_BUNDLE. (What fetches
// credentials keeps the SDK's client: the service that gives them to a machine
// is asked by plain http at a link-local address.)
func httpClient(sdk aws.HTTPClient, base http.RoundTripper) aws.HTTPClient {
	if own, ok := sdk.(interface{ GetTransport() *http.Transport }); ok && base == nil {
		base = own.GetTransport()
	}
	return &http.Client{
		Transport:     loopback.Transport(base, MaxSize+maxManifest),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// List implements Archive.
func (b *bucket) List(ctx context.Context, prefix string) ([]string, error) {
	if err := errors.Join(ctx.Err(), checkPrefix(prefix)); err != nil {
		return nil, err
	}
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.bucket, Prefix: aws.String(b.prefix + prefix)})
	names := listing{prefix: prefix}
	for n := 1; pages.HasMorePages(); n++ {
		if n > maxPages {
			return nil, errPages
		}
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			name, ok := strings.CutPrefix(aws.ToString(object.Key), b.prefix)
			if !ok {
				continue
			}
			if err := names.add(name); err != nil {
				return nil, err
			}
		}
	}
	return names.sorted(), nil
}

// Get implements Archive.
func (b *bucket) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), CheckName(name)); err != nil {
		return nil, err
	}
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: aws.String(b.prefix + name)})
	switch code(err) {
	case "NoSuchKey", "NotFound":
		return nil, fmt.Errorf("%s: %w", name, ErrAbsent)
	}
	if err != nil {
		return nil, err
	}
	defer out.Body.Close() // read only
	if aws.ToInt64(out.ContentLength) > MaxSize {
		return nil, fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	content, err := io.ReadAll(io.LimitReader(out.Body, MaxSize+1))
	if err == nil && len(content) > MaxSize {
		err = fmt.Errorf("%s: %w", name, ErrTooLarge)
	}
	return content, err
}

// s3Tries is how often a write is tried against another to the same name.
const s3Tries = 5

// Put implements Archive. It looks first in any case: there are servers that
// pass over a condition that they do not know.
func (b *bucket) Put(ctx context.Context, name string, content []byte) error {
	if err := errors.Join(ctx.Err(), checkFile(name, content)); err != nil {
		return err
	}
	condition := aws.String("*")
	for try := 1; ; try++ {
		there, err := b.Get(ctx, name)
		if err == nil {
			return same(name, there, content)
		}
		if !errors.Is(err, ErrAbsent) {
			return err
		}
		err = b.put(ctx, name, content, condition)
		switch code(err) {
		case "PreconditionFailed", "ConditionalRequestConflict", "OperationAborted": // somebody was faster, or may yet give up
		case "NotImplemented":
			condition = nil
		default:
			return err
		}
		if try == s3Tries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(try) * 20 * time.Millisecond):
		}
	}
}

func (b *bucket) put(ctx context.Context, name string, content []byte, condition *string) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.bucket, Key: aws.String(b.prefix + name), Body: bytes.NewReader(content),
		ContentType: aws.String("application/json"), IfNoneMatch: condition,
	})
	return err
}

// code is what an answer of S3 calls the error, "" for anything else.
func code(err error) string {
	var e interface {
		error
		ErrorCode() string
	}
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}
