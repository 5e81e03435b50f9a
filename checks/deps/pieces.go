package deps

import (
	"bytes"
	"encoding/json"
)

const (
	// wholeSize is the size in bytes up to which a lock file is read in one go.
	wholeSize = 128 << 10
	// pieceEntries is how many packages a piece has.
	pieceEntries = 200
)

// pieces cuts a large JSON lock file into smaller ones that name the same
// packages. scalibr finds each package's line by a walk from the start of the
// file, which takes four minutes for a lock file of 18 MB; cut, it takes a
// second. Pieces have no lines of the file, so they are searched for the few
// packages that have findings. What is not JSON of the known shape stays whole,
// for the reader to refuse.
func pieces(reader string, content []byte) (out [][]byte, cut bool) {
	whole := [][]byte{content}
	if len(content) <= wholeSize {
		return whole, false
	}
	var top map[string]json.RawMessage
	if json.Unmarshal(content, &top) != nil {
		return whole, false
	}
	var ok bool
	switch reader {
	case "javascript/packagelockjson":
		// https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json:
		// "packages" is complete where it is there, "dependencies" is for npm 6.
		key := "packages"
		if isNull(top[key]) {
			key = "dependencies"
		}
		out, ok = cutObject(top, key)
	case "php/composerlock":
		var main, dev [][]byte
		main, ok = cutArray(top, "packages")
		if ok && !isNull(top["packages-dev"]) {
			dev, ok = cutArray(top, "packages-dev")
		}
		out = append(main, dev...)
	}
	if !ok || len(out) == 0 {
		return whole, false
	}
	return out, true
}

func isNull(b json.RawMessage) bool {
	return len(b) == 0 || bytes.Equal(bytes.TrimSpace(b), []byte("null"))
}

func cutObject(top map[string]json.RawMessage, key string) (out [][]byte, ok bool) {
	var all map[string]json.RawMessage
	if isNull(top[key]) || json.Unmarshal(top[key], &all) != nil {
		return nil, false
	}
	part := map[string]json.RawMessage{}
	for i, name := range sortedKeys(all) {
		part[name] = all[name]
		if len(part) == pieceEntries || i == len(all)-1 {
			b, err := json.Marshal(map[string]any{"lockfileVersion": top["lockfileVersion"], key: part})
			if err != nil {
				return nil, false
			}
			out = append(out, b)
			clear(part)
		}
	}
	return out, true
}

func cutArray(top map[string]json.RawMessage, key string) (out [][]byte, ok bool) {
	var all []json.RawMessage
	if isNull(top[key]) || json.Unmarshal(top[key], &all) != nil {
		return nil, false
	}
	for len(all) > 0 {
		n := min(len(all), pieceEntries)
		b, err := json.Marshal(map[string]any{key: all[:n]})
		if err != nil {
			return nil, false
		}
		out, all = append(out, b), all[n:]
	}
	return out, true
}
