package checks

import (
	"errors"
	"path"
	"strings"
)

// Grain says what an answer about one claimed file hangs on, so that it can be
// kept and used again. The zero value is the most that it can hang on.
type Grain string

// The grains.
const (
	// GrainWhole: on every file that the check is given.
	GrainWhole Grain = ""
	// GrainFile: on that file alone, its path and its content.
	GrainFile Grain = "file"
	// GrainPart: on what the check itself says of the part that the file is in.
	GrainPart Grain = "part"
)

// Part is some of the claimed files, answered together, and what that answer
// hangs on besides them.
type Part struct {
	// Files are claimed files of the target, in this part and in no other. A
	// part without files says what the whole answer hangs on, besides all that
	// is claimed and what the other parts use.
	Files []string `json:"files,omitempty"`
	// Uses are patterns (see UsePattern) of files: whenever one of them comes,
	// goes or changes, the answer is void. One that matches nothing says that
	// nothing may come there.
	Uses []string `json:"uses,omitempty"`
	// Faces are patterns of files of which only what they show to others counts,
	// and Face is the digest of that as the check computes it: when such a file
	// has changed, only the check can tell whether the answer holds. It is asked
	// by Job.Leaning, and says so by Held, without the files' answers.
	Faces []string `json:"faces,omitempty"`
	Face  string   `json:"face,omitempty"`
	Held  bool     `json:"held,omitempty"`
	// Unread is what could not be looked into in these files.
	Unread []Unread `json:"unread,omitempty"`
}

// RouteSpan says through which operations of an application some lines of a
// file are reached. It may hang on any file, so it is never kept for a part.
type RouteSpan struct {
	Path   string   `json:"path"`
	First  int      `json:"first"`
	Last   int      `json:"last"`
	Routes []string `json:"routes"`
}

// UseKind is the form of a pattern of files.
type UseKind int

// The forms: few, so that one look at an index answers each.
const (
	// UseFile is one path.
	UseFile UseKind = iota
	// UseDir is "DIR/*": the files directly in a directory ("*" in the root).
	UseDir
	// UseName is "**/NAME": files of that name in any directory, in any case.
	UseName
	// UseSuffix is "**/*SUFFIX": files whose name ends so, in any case.
	UseSuffix
	// UseAll is "**": every file.
	UseAll
)

var errUse = errors.New("not of the form PATH, DIR/*, **/NAME, **/*SUFFIX or **")

// ParseUse takes a pattern apart: what remains is a path, a directory ("." for
// the root), or a name or suffix in lower case.
func ParseUse(pattern string) (UseKind, string, error) {
	if pattern == "**" {
		return UseAll, "", nil
	}
	if rest, ok := strings.CutPrefix(pattern, "**/*"); ok {
		return UseSuffix, strings.ToLower(rest), plain(rest)
	}
	if rest, ok := strings.CutPrefix(pattern, "**/"); ok {
		return UseName, strings.ToLower(rest), plain(rest)
	}
	if pattern == "*" {
		return UseDir, ".", nil
	}
	if dir, ok := strings.CutSuffix(pattern, "/*"); ok {
		return UseDir, dir, nil
	}
	if pattern == "" || path.Clean(pattern) != pattern {
		return 0, "", errUse
	}
	return UseFile, pattern, nil
}

func plain(name string) error {
	if name == "" || strings.ContainsAny(name, "*/") {
		return errUse
	}
	return nil
}
