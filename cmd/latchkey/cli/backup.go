package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/daemon"
)

func (a *app) cmdBackup() *cobra.Command {
	return group("backup", "Encrypted backups of the whole state", "  latchkey backup create latchkey.age", func(context.Context, []string) error {
		return usage("use: latchkey backup create|restore|import FILE")
	}, a.cmdBackupCreate(), a.cmdBackupRestore(), a.cmdBackupImport())
}

func (a *app) cmdBackupCreate() *cobra.Command {
	return command("create FILE", "Write the whole state, encrypted with a password that is asked for", "  latchkey backup create /media/stick/latchkey.age", 1, 1,
		func(ctx context.Context, args []string) error {
			path := args[0]
			if _, err := os.Lstat(path); err == nil {
				return fmt.Errorf("%s is there already; choose another name", path)
			}
			pw, err := a.secret("Password of the backup", true)
			if err != nil {
				return err
			}
			defer clear(pw)
			body, err := jsonSecret("passphrase", pw, nil)
			if err != nil {
				return err
			}
			resp, err := a.send(ctx, "POST", "/backup", body, "application/octet-stream")
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			n, err := writeNew(path, resp.Body)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"file": path, "bytes": n})
			}
			a.say("%s: %d KiB. It opens with its password alone: keep both, and not on this machine.", path, (n+1023)>>10)
			return nil
		})
}

// writeNew writes a private file that appears under its name only when it is complete.
func writeNew(path string, r io.Reader) (int64, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".latchkey-backup-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if err != nil && !errors.Is(err, os.ErrExist) { // file systems without hard links
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return n, fmt.Errorf("the backup could not be written: %w", err)
	}
	return n, nil
}

func (a *app) stateDir() (string, error) {
	cfg, _, err := daemon.LoadConfig(a.config)
	if err != nil {
		return "", fmt.Errorf("the configuration has errors:\n%w", err)
	}
	return cfg.State, nil
}

func (a *app) cmdBackupRestore() *cobra.Command {
	var yes bool
	c := command("restore FILE", "Put a backup's state in place; the daemon must be stopped", "  sudo systemctl stop latchkey\n  sudo latchkey backup restore latchkey.age", 1, 1,
		func(_ context.Context, args []string) error {
			dir, err := a.stateDir()
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			pw, err := a.secret("Password of the backup", false)
			if err != nil {
				return err
			}
			defer clear(pw)
			if !yes && tty(a.in) != nil {
				if typed, err := a.ask(fmt.Sprintf("The state in %s is moved aside, and the backup's takes its place. Type yes to go on:", dir)); err != nil || typed != "yes" {
					return errors.Join(errors.New("not restored"), err)
				}
			}
			out, err := daemon.Restore(dir, f, pw)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"state": dir, "made": out.Made, "version": out.Version, "kept": out.Kept})
			}
			a.say("Restored the state of %s (made by %s).", out.Made.Local().Format("2006-01-02 15:04"), out.Version)
			if out.Kept != "" {
				a.say("What was there before is in %s; it holds keys: remove it when all is well.", out.Kept)
			}
			a.say("Start the daemon. A new dongle takes the network over; do not use the old one again with it.")
			return nil
		})
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}

func (a *app) cmdBackupImport() *cobra.Command {
	var force bool
	c := command("import FILE", "Take over the Zigbee network of zigbee2mqtt or ZHA (open-coordinator-backup JSON); the daemon must be stopped", "  latchkey backup import coordinator_backup.json", 1, 1,
		func(_ context.Context, args []string) error {
			dir, err := a.stateDir()
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			s, err := daemon.ImportNetwork(dir, os.Getenv("CREDENTIALS_DIRECTORY"), f, force)
			if err != nil {
				return err
			}
			n := s.Network
			if a.json {
				return a.printJSON(map[string]any{"pan": fmt.Sprintf("0x%04x", n.PAN), "channel": n.Channel, "coordinator": n.Coordinator.String(), "devices": len(s.Devices)})
			}
			a.say("Took over the network PAN 0x%04x on channel %d with %s. The next start puts it on the dongle; the other program must never use it again.", n.PAN, n.Channel,
				count(len(s.Devices), "device", "devices"))
			return nil
		})
	c.Flags().BoolVar(&force, "force", false, "replace another network that is known; its locks have to be joined again")
	return c
}
