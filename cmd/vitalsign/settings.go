package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
)

// settingsFlags declares the flags that are settings, too.
func settingsFlags(fl *pflag.FlagSet) {
	fl.String("fail-on", "", "lowest severity that fails the gate: critical, high, medium, low, info (default high)")
	fl.StringSlice("skip", nil, "leave these checks out; the verdict names them")
	fl.Duration("check-timeout", 0, "time a check may take (default 10m)")
	fl.String("check-memory", "", "memory a check may take, such as 500MB (the default)")
	fl.Bool("history", false, "also look for secrets in every commit of every branch")
}

// settings resolves what holds for a target.
func (a *app) settings(cmd *cobra.Command) (config.Settings, error) {
	s := config.Defaults()
	fl := cmd.Flags()
	if name, _ := fl.GetString("fail-on"); name != "" {
		sev, err := checks.ParseSeverity(name)
		if err != nil {
			return s, usageError("--fail-on: %w", err)
		}
		s.FailOn = sev
	}
	s.Skip, _ = fl.GetStringSlice("skip")
	s.History, _ = fl.GetBool("history")
	if d, _ := fl.GetDuration("check-timeout"); d > 0 {
		s.Limits.WallMS = d.Milliseconds()
	}
	if m, _ := fl.GetString("check-memory"); m != "" {
		var mb int64
		if _, err := fmt.Sscanf(m, "%dMB", &mb); err != nil {
			return s, usageError("--check-memory: %q is not a size", m)
		}
		s.Limits.MemoryBytes = mb << 20
	}
	return s, nil
}
