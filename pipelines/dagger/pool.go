package dagger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Pool is one or more engines that share the work. A step whose engine is lost
// is done again by another one, so that nothing is lost; an answer is passed on
// only when it is there whole, so that nothing is reported twice. It implements
// pipelines.Engine and pipelines.Preparer.
type Pool struct {
	temp string
	say  func(string)

	mu      sync.Mutex
	members []*member
}

// member is an engine with what the pool knows of it.
type member struct {
	*Engine
	busy int   // steps it is at
	dead error // why it gets no more
}

// OpenPool connects to every engine. One that cannot be used is told to say
// and left out; none at all is an ErrEngine.
func OpenPool(ctx context.Context, configs []Config, say func(string)) (*Pool, error) {
	if len(configs) == 0 {
		return nil, fmt.Errorf("%w is named", ErrEngine)
	}
	p := &Pool{temp: configs[0].Temp, say: say}
	engines, errs := make([]*Engine, len(configs)), make([]error, len(configs))
	var wg sync.WaitGroup
	for i, c := range configs {
		wg.Go(func() { engines[i], errs[i] = Open(ctx, c) })
	}
	wg.Wait()
	for i, e := range engines {
		if errs[i] == nil {
			p.members = append(p.members, &member{Engine: e})
		} else if len(configs) > 1 {
			say(errs[i].Error())
		}
	}
	if len(p.members) == 0 {
		return nil, errors.Join(errs...)
	}
	return p, nil
}

// Name implements pipelines.Engine.
func (*Pool) Name() string { return "dagger" }

// Size is how many engines there are.
func (p *Pool) Size() int { return len(p.members) }

// Versions names the engines' versions, in the order of their addresses.
func (p *Pool) Versions() []string {
	var out []string
	for _, m := range p.members {
		out = append(out, m.config.name()+" "+m.version)
	}
	return out
}

// Close ends all sessions.
func (p *Pool) Close() error {
	errs := make([]error, len(p.members))
	var wg sync.WaitGroup
	for i, m := range p.members {
		wg.Go(func() { errs[i] = m.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Prepare implements pipelines.Preparer: it lays the target out.
func (p *Pool) Prepare(ctx context.Context, plan pipelines.Plan) (pipelines.Engine, func() error, error) {
	st, err := lay(ctx, p.temp, plan)
	if err != nil {
		return nil, nil, err
	}
	return prepared{p, st}, st.remove, nil
}

// Exec implements pipelines.Engine, and is an error: there is no target before
// Prepare.
func (*Pool) Exec(context.Context, checks.Job, checks.IdentityKey, io.Writer) (pipelines.Usage, error) {
	return pipelines.Usage{}, errors.New("the Dagger engine was not prepared for a plan")
}

// prepared is a pool with one plan's target.
type prepared struct {
	*Pool
	stage *stage
}

// Exec implements pipelines.Engine.
func (p prepared) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	for {
		m, err := p.take()
		if err != nil {
			return pipelines.Usage{}, err
		}
		usage, err := bound{m.Engine, p.stage}.exec(ctx, job, key, out)
		lost := lostError{}
		if !errors.As(err, &lost) {
			p.give(m, nil)
			return usage, err
		}
		p.give(m, fmt.Errorf("the engine at %s was lost: %w", m.config.name(), lost.error))
		// Elsewhere, and as another job: half an answer may lie in a cache.
		job.Attempt = pipelines.NewAttempt()
	}
}

// take picks the engine with the least to do; without one that is left the
// error says how they were lost.
func (p *Pool) take() (*member, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var best *member
	var lost []error
	for _, m := range p.members {
		switch {
		case m.dead != nil:
			lost = append(lost, m.dead)
		case best == nil || m.busy < best.busy:
			best = m
		}
	}
	if best == nil {
		return nil, errors.Join(lost...)
	}
	best.busy++
	return best, nil
}

// give takes an engine back, with the reason why it gets no more work.
func (p *Pool) give(m *member, dead error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.busy--
	if dead == nil || m.dead != nil {
		return
	}
	m.dead = dead
	if len(p.members) > 1 {
		p.say(dead.Error() + "; its steps are done again elsewhere")
	}
}
