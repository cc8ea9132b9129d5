package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
)

func (a *app) cmdRun() *cobra.Command {
	return command("run", "Run the daemon", "  latchkey run\n  latchkey run --config ./latchkey.yaml", 0, 0, func(ctx context.Context, _ []string) error {
		cfg, file, err := daemon.LoadConfig(a.config)
		if _, mistakes := errors.AsType[configs.Problems](err); mistakes {
			return fmt.Errorf("the configuration has errors:\n%w", err)
		}
		if err != nil {
			return err
		}
		log, level := daemon.NewLogger(a.err, cfg.Log)
		for _, w := range cfg.Warnings() {
			log.Warn(w)
		}
		v, commit, _ := BuildInfo(a.version)
		d, err := daemon.New(daemon.Options{Config: cfg, ConfigFile: file, Logger: log, Level: level, Version: v, Commit: commit, Socket: a.socket, Service: true})
		if err != nil {
			return err
		}
		// Signals are the daemon's own task here, and not the command line's.
		return d.Run(context.WithoutCancel(ctx))
	})
}

func (a *app) cmdCheck() *cobra.Command {
	return command("check [FILE]", "Parse the configuration strictly; print what would be used and what is wrong", "  latchkey check\n  latchkey check ./latchkey.yaml", 0, 1,
		func(_ context.Context, args []string) error {
			path := a.config
			if len(args) == 1 {
				path = args[0]
			}
			cfg, file, err := daemon.LoadConfig(path)
			problems, isProblems := errors.AsType[configs.Problems](err)
			if a.json {
				if err != nil && !isProblems {
					return err
				}
				out := struct {
					File     string           `json:"file"`
					Problems configs.Problems `json:"problems"`
					Warnings []string         `json:"warnings"`
				}{file, problems, cfg.Warnings()}
				if out.Problems == nil {
					out.Problems = configs.Problems{}
				}
				if out.Warnings == nil {
					out.Warnings = []string{}
				}
				if err := a.printJSON(out); err != nil {
					return err
				}
				if isProblems {
					return &coded{exitFailed, nil}
				}
				return nil
			}
			if err != nil {
				fmt.Fprintln(a.err, err)
				return &coded{exitFailed, nil}
			}
			if file == "" {
				file = "no file; built-in defaults"
			}
			a.say("# %s", file)
			a.showConfig(&cfg)
			for _, w := range cfg.Warnings() {
				a.say("! %s", w)
			}
			return nil
		})
}

// showConfig prints every key with the value that would be used, as a file that could be used.
func (a *app) showConfig(c *configs.Config) {
	channel := "auto"
	if c.Radio.Channel != 0 {
		channel = fmt.Sprint(c.Radio.Channel)
	}
	address := ""
	if c.HomeKit.Address.IsValid() {
		address = c.HomeKit.Address.String()
	}
	a.say("radio: {port: %q, baud: %d, channel: %s, form: %s}", c.Radio.Port, c.Radio.Baud, channel, c.Radio.Form)
	a.say("state: %q", c.State)
	h := c.HomeKit
	a.say("homekit: {enabled: %v, mode: %s, address: %q, ports: %d-%d, interfaces: %s, timed_writes: %s, code_state: %v, reset_switches: %v}", h.Enabled, h.Mode, address,
		h.Ports.First, h.Ports.Last, flow(h.Interfaces), h.TimedWrites, h.CodeState, h.ResetSwitches)
	a.say("matter: {enabled: %v, listen: %q, interfaces: %s}", c.Matter.Enabled, c.Matter.Listen, flow(c.Matter.Interfaces))
	a.say("http: {listen: %q, hosts: %s}", c.HTTP.Listen, flow(c.HTTP.Hosts))
	a.say("metrics: {listen: %q}", c.Metrics.Listen)
	a.say("mqtt: {broker: %q}", c.MQTT.Broker)
	a.say("log: {level: %s, format: %s}", c.Log.Level, c.Log.Format)
	if len(c.Locks) == 0 {
		a.say("locks: {}")
		return
	}
	a.say("locks:")
	for _, id := range sortedKeys(c.Locks) {
		l := c.Locks[id]
		var parts []string
		if l.Name != "" {
			parts = append(parts, fmt.Sprintf("name: %q", l.Name))
		}
		parts = append(parts, fmt.Sprintf("min_battery_for_reset: %g%%", l.MinBatteryForReset), "restore: "+l.Restore)
		if l.Relock != nil {
			parts = append(parts, "relock: "+l.Relock.String())
		}
		a.say("  %q: {%s}", id, strings.Join(parts, ", "))
	}
}

func flow(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = fmt.Sprintf("%q", s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
