package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// settingsFlags declares the flags that are settings, from the one table: all,
// or those of the keys that are named.
func settingsFlags(fl *pflag.FlagSet, only ...string) {
	for _, k := range config.Keys() {
		if k.Flag == "" || len(only) > 0 && !slices.Contains(only, k.Name) {
			continue
		}
		switch k.Type {
		case config.TypeSwitch:
			fl.Bool(k.Flag, false, k.Help)
		case config.TypeNames:
			fl.StringSlice(k.Flag, nil, k.Help)
		default:
			fl.String(k.Flag, "", k.Help+" Allowed: "+k.Allowed()+" (default "+k.Default+")")
		}
	}
}

// layers are what flags, environment and the user's file say. Problems in any
// of them are wrong usage.
func (a *app) layers(cmd *cobra.Command) ([]config.Layer, error) {
	given := map[string]string{}
	for _, k := range config.Keys() {
		f := cmd.Flags().Lookup(k.Flag)
		if k.Flag == "" || f == nil || !f.Changed {
			continue
		}
		given[k.Name] = f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			given[k.Name] = strings.Join(list.GetSlice(), ",")
		}
	}
	flags, err := config.FromFlags(given)
	if err != nil {
		return nil, exitError{judge.ExitUsage, err}
	}
	env, err := config.FromEnviron(a.getenv)
	if err != nil {
		return nil, exitError{judge.ExitUsage, err}
	}
	layers := []config.Layer{flags, env}
	if dir := a.configDir(); dir != "" {
		user, err := config.LoadUser(filepath.Join(dir, "vitalsign.yaml"))
		if err != nil {
			return nil, exitError{judge.ExitUsage, err}
		}
		layers = append(layers, user)
	}
	return layers, nil
}

// settingsHere are the settings of flags, environment and the user's file: no
// repository has a say in them.
func (a *app) settingsHere(cmd *cobra.Command) (config.Settings, error) {
	layers, err := a.layers(cmd)
	if err != nil {
		return config.Settings{}, err
	}
	settings, _ := config.Resolve(layers...)
	return settings, nil
}
