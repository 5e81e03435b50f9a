package pipelines

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Cache keeps the answers of steps from one run to the next. Only answers of
// complete steps are put there.
type Cache interface {
	// Get gives what was put under a name, and nil when there is nothing, or
	// nothing that can be believed.
	Get(name string) []byte
	// Put keeps content under a name. An error only costs time later.
	Put(name string, content []byte) error
}

// keptFormat is part of every name, so that no later format reads an earlier one.
const keptFormat = "vitalsign/kept/v1"

// maxKept bounds one unpacked answer, in bytes.
const maxKept = 1 << 30

// keptWhole is a step's whole answer. It holds as long as the files have the stamp.
type keptWhole struct {
	// Stamp is over the claimed files and what Uses means.
	Stamp string   `json:"stamp"`
	Uses  []string `json:"uses"`

	Read         int                `json:"read"`
	Skipped      map[string]int     `json:"skipped,omitempty"`
	Unread       []checks.Unread    `json:"unread,omitempty"`
	Rules        []checks.Rule      `json:"rules,omitempty"`
	Findings     []checks.Finding   `json:"findings,omitempty"`
	Components   []checks.Component `json:"components,omitempty"`
	Routes       []checks.RouteSpan `json:"routes,omitempty"`
	Sandbox      sandbox.Report     `json:"sandbox"`
	ReportDigest string             `json:"report_digest"`
}

// keptPart is the answer about some files. It holds as long as they and what
// they use have the stamp.
type keptPart struct {
	checks.Part
	Stamp string `json:"stamp"`
	// Own is the stamp without the files of which only the face counts.
	Own      string           `json:"own,omitempty"`
	Skipped  []checks.Skip    `json:"skipped,omitempty"`
	Findings []checks.Finding `json:"findings,omitempty"`
}

// keptParts are the parts of one answer, all seen behind the same walls.
type keptParts struct {
	Sandbox sandbox.Report `json:"sandbox"`
	Parts   []keptPart     `json:"parts"`
}

// keptName says under which name a step's answer is kept: all that it hangs on
// besides the files. Where a tree of the same target at another commit is
// scanned, slot keeps the two apart.
func keptName(plan Plan, p PlannedStep, slot string) (string, error) {
	limits := p.Limits
	limits.Procs = 0 // how fast, not what
	doc, err := json.Marshal(struct {
		Format, Check, Version, Rules, Build, Tool, Key, Target, Slot string
		Protocol                                                      int
		Options                                                       map[string]string
		Limits                                                        checks.Limits
		Data                                                          []checks.Data
	}{
		keptFormat, p.Check.Name, p.Check.Version, p.Check.RulesDigest, plan.Build, plan.ToolDigest, plan.Key.ID(), plan.KeptAs, slot,
		checks.Protocol, p.Options, limits, datasets(p.Data),
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:]), nil
}

// datasets are what a step reads, without their age: it is judged anew.
func datasets(in []DataSet) []checks.Data {
	out := make([]checks.Data, 0, len(in))
	for _, d := range in {
		out = append(out, checks.Data{Name: d.Name, Digest: d.Digest})
	}
	return out
}

func pack(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return w.EncodeAll(b, nil), w.Close()
}

var errNothingKept = errors.New("nothing is kept")

func unpack(b []byte, v any) error {
	if len(b) == 0 {
		return errNothingKept
	}
	r, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxKept), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer r.Close()
	plain, err := r.DecodeAll(b, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
