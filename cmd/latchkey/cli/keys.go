package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdPassword() *cobra.Command {
	set := command("set", "Set the password that shows codes again and opens the API beyond this machine", "  latchkey password set", 0, 0, func(ctx context.Context, _ []string) error {
		pw, err := a.secret("New password", true)
		if err != nil {
			return err
		}
		defer clear(pw)
		body, err := jsonSecret("new", pw, nil)
		if err != nil {
			return err
		}
		resp, err := a.send(ctx, "PUT", "/password", body, "")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if !a.json {
			a.say("The password is set.")
		}
		return nil
	})
	return group("password", "The password", "  latchkey password set", func(ctx context.Context, _ []string) error {
		return usage("use: latchkey password set")
	}, set)
}

func (a *app) cmdToken() *cobra.Command {
	var scope string
	create := command("create NAME", "Make a token for the HTTP API; it is shown this once", "  latchkey token create kitchen-display --scope read", 1, 1, func(ctx context.Context, args []string) error {
		var t web.NewToken
		if err := a.call(ctx, "POST", "/tokens", map[string]string{"name": args[0], "scope": scope}, &t); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(t)
		}
		a.say("%s", t.Secret)
		fmt.Fprintln(a.err, "Keep it: it is not shown again. Revoke it with: latchkey token revoke "+t.ID)
		return nil
	})
	create.Flags().StringVar(&scope, "scope", "read", "read, operate (lock and unlock) or admin")
	list := command("list", "All tokens", "  latchkey token list", 0, 0, func(ctx context.Context, _ []string) error {
		var tokens []web.Token
		if err := a.call(ctx, "GET", "/tokens", nil, &tokens); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(tokens)
		}
		w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tSCOPE\tCREATED")
		for _, t := range tokens {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Scope, t.Created.Local().Format("2006-01-02 15:04"))
		}
		return w.Flush()
	})
	revoke := command("revoke ID", "Revoke a token", "  latchkey token revoke 1a2b3c4d", 1, 1, func(ctx context.Context, args []string) error {
		if err := a.call(ctx, "DELETE", "/tokens/"+esc(args[0]), nil, nil); err != nil {
			return err
		}
		if !a.json {
			a.say("Revoked.")
		}
		return nil
	})
	return group("token", "Tokens for the HTTP API", "  latchkey token list", func(ctx context.Context, _ []string) error { return list.RunE(list, nil) }, create, list, revoke)
}
