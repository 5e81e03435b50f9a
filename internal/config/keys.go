package config

import (
	"slices"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Key is one setting: everything that the parser, the environment, flags,
// help, the template and the JSON Schema know of it. There is no second list.
type Key struct {
	// Name is the dotted place in the file, e.g. "limits.file_size".
	Name string
	Type Type
	// Default is the value that holds when nobody says anything, as text.
	Default string
	// Help says in one sentence what the setting does.
	Help string
	// Env is the environment variable and Flag the flag without dashes; ""
	// where there is none.
	Env, Flag string
	// Outside says that a repository's file may not say it: it gives leave to
	// what the repository asks for, or says where its files are sent.
	Outside bool

	// noun is what TypeNames names, and nouns several of them.
	noun, nouns string
	way         way
	min, max    int64 // of TypeCount
	get         func(Settings) value
	set         func(*Settings, value)
}

// Keys lists every setting in the order of the template.
func Keys() []Key {
	var keys []Key
	for _, group := range [][]Key{gateKeys(), inlineKeys(), pathKeys(), limitKeys(), engineKeys(), leaveKeys()} {
		keys = append(keys, group...)
	}
	def := Defaults()
	for i := range keys {
		keys[i].Default = keys[i].format(keys[i].get(def))
	}
	return keys
}

// KeyNamed finds a key by its dotted name.
func KeyNamed(name string) (Key, bool) {
	for _, k := range Keys() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// gateKeys say what is asked and what fails.
func gateKeys() []Key {
	return []Key{{
		Name: "fail_on", Type: TypeSeverity, Env: "VITALSIGN_FAIL_ON", Flag: "fail-on", way: smaller,
		Help: "Lowest severity that fails the gate.",
		get:  func(s Settings) value { return number(int64(s.FailOn)) },
		set:  func(s *Settings, v value) { s.FailOn = checks.Severity(v.n) },
	}, {
		Name: "new_only", Type: TypeSwitch, Env: "VITALSIGN_NEW_ONLY", Flag: "new-only", way: smaller,
		Help: "Only findings that the baseline does not have fail the gate; the others are listed.",
		get:  func(s Settings) value { return yes(s.NewOnly) },
		set:  func(s *Settings, v value) { s.NewOnly = v.n != 0 },
	}, {
		Name: "unrated_as", Type: TypeSeverity, Env: "VITALSIGN_UNRATED_AS", way: larger,
		Help: "What a finding counts as that no source has rated.",
		get:  func(s Settings) value { return number(int64(s.UnratedAs)) },
		set:  func(s *Settings, v value) { s.UnratedAs = checks.Severity(v.n) },
	}, {
		Name: "skip", Type: TypeNames, noun: "check", nouns: "checks", Env: "VITALSIGN_SKIP", Flag: "skip", way: fewer,
		Help: "Checks that are not asked; the verdict names them.",
		get:  func(s Settings) value { return value{list: s.Skip} },
		set:  func(s *Settings, v value) { s.Skip = slices.Clone(v.list) },
	}, {
		Name: "checks.secrets.history", Type: TypeSwitch, Env: "VITALSIGN_HISTORY", Flag: "history", way: larger,
		Help: "Also look for secrets in every commit of every branch.",
		get:  func(s Settings) value { return yes(s.History) },
		set:  func(s *Settings, v value) { s.History = v.n != 0 },
	}, {
		Name: "max_data_age", Type: TypeAge, Env: "VITALSIGN_MAX_DATA_AGE", Flag: "max-data-age", way: smaller,
		Help: "How old advisory data may be before the result is incomplete; off does not ask, and the verdict says so.",
		get:  func(s Settings) value { return ageValue(s.MaxDataAge) },
		set:  func(s *Settings, v value) { s.MaxDataAge = v.age() },
	}}
}

// inlineKeys bound the ignores that are written beside the code.
func inlineKeys() []Key {
	return []Key{{
		Name: "inline.max_severity", Type: TypeSeverity, Env: "VITALSIGN_INLINE_MAX_SEVERITY", way: smaller,
		Help: "Worst severity that an inline ignore (vitalsign:ignore) may set aside.",
		get:  func(s Settings) value { return number(int64(s.InlineMaxSeverity)) },
		set:  func(s *Settings, v value) { s.InlineMaxSeverity = checks.Severity(v.n) },
	}, {
		Name: "inline.max_days", Type: TypeCount, Env: "VITALSIGN_INLINE_MAX_DAYS", way: smaller, min: 0, max: 3650,
		Help: "How many days ahead an inline ignore may reach; 0 honours none.",
		get:  func(s Settings) value { return number(int64(s.InlineMaxDays)) },
		set:  func(s *Settings, v value) { s.InlineMaxDays = int(v.n) },
	}}
}

// pathKeys give files a role. What is generated or vendored is reported and
// does not block, so fewer patterns are tighter; a test file blocks like any
// source file, so its patterns have no direction. They have no environment
// variable, because a comma may be a part of a pattern.
func pathKeys() []Key {
	role := func(role string, w way, help string) Key {
		return Key{
			Name: "paths." + role, Type: TypePatterns, way: w, Help: help,
			get: func(s Settings) value { return value{list: s.Paths[role]} },
			set: func(s *Settings, v value) {
				if len(v.list) == 0 {
					delete(s.Paths, role)
					return
				}
				if s.Paths == nil {
					s.Paths = map[string][]string{}
				}
				s.Paths[role] = slices.Clone(v.list)
			},
		}
	}
	return []Key{
		role(inventory.RoleGenerated, fewer, "Files made by a program: reported, but they do not fail the gate (except credentials)."),
		role(inventory.RoleVendored, fewer, "Files copied from elsewhere: reported, but they do not fail the gate (except credentials)."),
		role(inventory.RoleTest, neither, "Files that are tests, where their names do not say so."),
	}
}

// limitKeys bound one check. A limit that is reached makes the step
// incomplete, never clean, so neither direction is looser.
func limitKeys() []Key {
	return []Key{{
		Name: "limits.check_timeout", Type: TypeDuration, Env: "VITALSIGN_CHECK_TIMEOUT", Flag: "check-timeout",
		Help: "Time that one check may take.",
		get:  func(s Settings) value { return number(s.Limits.WallMS * int64(time.Millisecond)) },
		set:  func(s *Settings, v value) { s.Limits.WallMS = time.Duration(v.n).Milliseconds() },
	}, {
		Name: "limits.check_memory", Type: TypeSize, Env: "VITALSIGN_CHECK_MEMORY", Flag: "check-memory",
		Help: "Memory that one check may take.",
		get:  func(s Settings) value { return number(s.Limits.MemoryBytes) },
		set:  func(s *Settings, v value) { s.Limits.MemoryBytes = v.n },
	}, {
		Name: "limits.file_size", Type: TypeSize, Env: "VITALSIGN_MAX_FILE_SIZE", Flag: "max-file-size",
		Help: "Largest file that a check reads; a larger one is named as unread.",
		get:  func(s Settings) value { return number(s.Limits.FileBytes) },
		set:  func(s *Settings, v value) { s.Limits.FileBytes = v.n },
	}, {
		Name: "limits.findings", Type: TypeCount, Env: "VITALSIGN_MAX_FINDINGS", min: 1, max: 1_000_000,
		Help: "Findings after which a check is cut, and incomplete.",
		get:  func(s Settings) value { return number(int64(s.Limits.Findings)) },
		set:  func(s *Settings, v value) { s.Limits.Findings = int(v.n) },
	}}
}

// engineKeys say how checks run.
func engineKeys() []Key {
	return []Key{{
		Name: "sandbox", Type: TypeSandbox, Env: "VITALSIGN_SANDBOX", Flag: "sandbox", way: larger,
		Help: "Whether a check that could not be fully walled in fails (required) or runs and says so (best-effort).",
		get:  func(s Settings) value { return yes(s.RequireSandbox) },
		set:  func(s *Settings, v value) { s.RequireSandbox = v.n != 0 },
	}, {
		Name: "parallel", Type: TypeCount, Env: "VITALSIGN_PARALLEL", Flag: "parallel", min: 0, max: 256,
		Help: "How many checks run at once; 0 is one a processor.",
		get:  func(s Settings) value { return number(int64(s.Parallel)) },
		set:  func(s *Settings, v value) { s.Parallel = int(v.n) },
	}}
}

// leaveKeys are for whoever runs vitalsign, not for what it looks at. No value
// of them is looser than another: only who says it counts.
func leaveKeys() []Key {
	return []Key{{
		Name: "engine", Type: TypeEngine, Env: "VITALSIGN_ENGINE", Flag: "engine", Outside: true,
		Help: "Where checks and builds run; a Dagger engine at an address is sent the files.",
		get:  func(s Settings) value { return value{list: []string{s.Engine.String()}} },
		set:  func(s *Settings, v value) { s.Engine, _ = parseEngine(v.list[0]) },
	}, {
		Name: "cache_size", Type: TypeSize, Env: "VITALSIGN_CACHE_SIZE", Flag: "cache-size", Outside: true,
		Help: "How much room the answers take that are kept for later scans.",
		get:  func(s Settings) value { return number(s.CacheSize) },
		set:  func(s *Settings, v value) { s.CacheSize = v.n },
	}, {
		Name: "evidence", Type: TypePlace, Env: "VITALSIGN_EVIDENCE", Flag: "evidence", Outside: true,
		Help: "Where signed evidence is kept; it only grows there.",
		get:  func(s Settings) value { return value{list: []string{s.Evidence}} },
		set:  func(s *Settings, v value) { s.Evidence = v.list[0] },
	}, {
		Name: "allow_exec", Type: TypeNames, noun: "tool, image or artifact", nouns: "tools, images and artifacts", Env: "VITALSIGN_ALLOW_EXEC", Flag: "allow-exec", Outside: true,
		Help: "External tools, images and artifacts whose commands, images and builds a repository may choose.",
		get:  func(s Settings) value { return value{list: s.AllowExec} },
		set:  func(s *Settings, v value) { s.AllowExec = slices.Clone(v.list) },
	}, {
		Name: "allow_unpinned", Type: TypeSwitch, Env: "VITALSIGN_ALLOW_UNPINNED", Flag: "allow-unpinned", Outside: true,
		Help: "Use images that are named without a digest, which may be another tomorrow.",
		get:  func(s Settings) value { return yes(s.AllowUnpinned) },
		set:  func(s *Settings, v value) { s.AllowUnpinned = v.n != 0 },
	}}
}

// voices says who may say a setting that a repository may not.
func (k Key) voices() string {
	return "--" + k.Flag + ", " + k.Env + " or the user's file"
}
