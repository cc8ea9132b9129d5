package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/homekit"
	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdHomeKit() *cobra.Command {
	var codes bool
	show := command("show [NAME]", "Setup code and QR code of each accessory", "  latchkey homekit show\n  latchkey homekit show \"Front door\"\n  latchkey homekit show --json", 0, 1,
		func(ctx context.Context, args []string) error {
			var list []web.HomeKitAccessory
			path := "/homekit"
			if codes {
				path += "?codes=true"
			}
			if err := a.call(ctx, "GET", path, nil, &list); err != nil {
				return err
			}
			return a.showHomeKit(ctx, list, strings.Join(args, ""))
		})
	show.Flags().BoolVar(&codes, "codes", false, "show the codes of paired accessories too")
	unpair := command("unpair NAME", "Remove all Apple homes from a lock; touches no lock and no code", "  latchkey homekit unpair \"Front door\"\n  latchkey homekit unpair bridge", 1, 1,
		func(ctx context.Context, args []string) error {
			if err := a.call(ctx, "POST", "/homekit/"+esc(args[0])+"/unpair", nil, nil); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"unpaired": args[0]})
			}
			a.say("%s is in no Apple home any more. Remove it in the Home app too, if it is still shown there; pair it again with: latchkey homekit show", args[0])
			return nil
		})
	return group("homekit", "Pair with Apple Home", "  latchkey homekit show", func(ctx context.Context, _ []string) error {
		return show.RunE(show, nil)
	}, show, unpair)
}

func (a *app) showHomeKit(ctx context.Context, list []web.HomeKitAccessory, name string) error {
	if name != "" {
		var l web.Lock
		if err := a.call(ctx, "GET", "/locks/"+esc(name), nil, &l); err != nil {
			return err
		}
		var only []web.HomeKitAccessory
		for _, x := range list {
			if x.LockID == l.ID || x.LockID == "" {
				only = append(only, x)
			}
		}
		list = only
	}
	if a.json {
		if list == nil {
			list = []web.HomeKitAccessory{}
		}
		return a.printJSON(list)
	}
	if len(list) == 0 {
		a.say("There is no HomeKit accessory: no lock has joined yet (latchkey join), or HomeKit is switched off.")
		return nil
	}
	for _, x := range list {
		if x.SetupCode == "" {
			a.say("%s is paired (port %d). Its code is hidden; --codes shows it.", x.Lock, x.Port)
			continue
		}
		a.say("%s", x.Lock)
		if err := homekit.QRText(a.out, x.SetupURI); err != nil {
			return err
		}
		a.say("Setup code %s, port %d%s\n", x.SetupCode, x.Port, ifText(x.Paired, ", paired"))
	}
	a.say("In the Home app: + , Add Accessory, then point the camera here or type the code.")
	return nil
}

func (a *app) cmdMatter() *cobra.Command {
	tell := func(ctx context.Context, _ []string) error {
		var raw json.RawMessage
		if err := a.call(ctx, "GET", "/matter", nil, &raw); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(raw)
		}
		return fmt.Errorf("this build has no Matter yet: locks are in Apple Home through HomeKit (latchkey homekit show)")
	}
	return group("matter", "Matter, which this build does not have yet", "  latchkey matter show", tell,
		command("show", "Setup code and QR code", "  latchkey matter show", 0, 0, tell),
		command("open", "Open a commissioning window", "  latchkey matter open", 0, 0, tell),
		command("reset", "Leave all fabrics; touches no lock", "  latchkey matter reset", 0, 0, tell))
}
