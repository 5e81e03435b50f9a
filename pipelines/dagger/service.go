package dagger

import (
	"context"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"

	"dagger.io/dagger"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// beside has the engine run a job's application as a service that the check
// reaches by name. The engine starts it with the check, waits for its port and
// ends it after.
func (b bound) beside(ctx context.Context, ctr *dagger.Container, job *checks.Job) (*dagger.Container, error) {
	s := *job.Service
	app, err := b.application(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		app = app.WithEnvVariable(name, s.Env[name])
	}
	service := app.WithExposedPort(s.Port).AsService(dagger.ContainerAsServiceOpts{Args: s.Args, UseEntrypoint: s.Args == nil})
	live := *job.Live
	live.URL = "http://" + net.JoinHostPort(checks.ServiceHost, strconv.Itoa(s.Port))
	job.Live = &live
	return ctr.WithServiceBinding(checks.ServiceHost, service), nil
}

func (b bound) application(ctx context.Context, s checks.Service) (*dagger.Container, error) {
	if s.Image != "" {
		ctr, _, err := b.image(ctx, s.Image)
		return ctr, err
	}
	inside, err := filepath.Rel(s.Context, s.Dockerfile)
	if err != nil {
		return nil, err
	}
	if !filepath.IsLocal(inside) {
		return nil, fmt.Errorf("the Dockerfile %s is not within its context %s", s.Dockerfile, s.Context)
	}
	return b.client.Host().Directory(s.Context).DockerBuild(dagger.DirectoryDockerBuildOpts{Dockerfile: filepath.ToSlash(inside)}), nil
}
