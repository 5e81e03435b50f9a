// Command saritool is an external tool for tests. It looks for the word FLAW
// in a directory and writes SARIF 2.1.0, or misbehaves as its mode says:
//
//	saritool MODE REPORT DIR
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	mode, report, dir := os.Args[1], os.Args[2], os.Args[3]
	switch mode {
	case "silent":
		return // exit 0, having written nothing
	case "empty":
		check(os.WriteFile(report, nil, 0o644))
		return
	case "broken":
		check(os.WriteFile(report, []byte(`{"version": "2.1.0", "runs": [{"tool":`), 0o644))
		return
	case "other":
		check(os.WriteFile(report, []byte(`{"version": "1.0.0", "runs": []}`), 0o644))
		return
	case "exit7":
		os.Exit(7)
	case "hang":
		time.Sleep(time.Hour)
	case "blind": // a report of nothing, whatever is there
		check(os.WriteFile(report, []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"saritool"}},"results":[]}]}`), 0o644))
		return
	}
	check(write(report, dir))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

type object = map[string]any

func write(report, dir string) error {
	results := []object{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for i, line := range bytes.Split(b, []byte("\n")) {
			if !bytes.Contains(line, []byte("FLAW")) {
				continue
			}
			rel, err := filepath.Rel(dir, p)
			if err != nil {
				return err
			}
			results = append(results, object{
				"ruleId": "flaw", "level": "error", "message": object{"text": "the word stands here: " + string(line)},
				"locations": []object{{"physicalLocation": object{
					"artifactLocation": object{"uri": filepath.ToSlash(rel)}, "region": object{"startLine": i + 1},
				}}},
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	rule := object{"id": "flaw", "shortDescription": object{"text": "A flaw"}, "help": object{"text": "Take it out."}}
	doc, err := json.Marshal(object{"version": "2.1.0", "runs": []object{{
		"tool": object{"driver": object{"name": "saritool", "rules": []object{rule}}}, "results": results,
	}}})
	if err != nil {
		return err
	}
	return os.WriteFile(report, doc, 0o644)
}
