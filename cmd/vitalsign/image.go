package main

import (
	"context"
	"errors"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
)

func (a *app) imageSubject(ctx context.Context, ref string) (chain.Subject, error) {
	return chain.Subject{}, errors.New("images are not read yet")
}
func (a *app) signImage(ctx context.Context, s attest.Signer, sub chain.Subject) error {
	return errors.New("images are not read yet")
}
func (a *app) attestImage(ctx context.Context, s attest.Signer, sub chain.Subject, st attest.Statement) error {
	return errors.New("images are not read yet")
}
func (a *app) gatherImage(ctx context.Context, g *gathered, s chain.Subject) error {
	return errors.New("images are not read yet")
}
