package ssh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// Links lists the names of the network links, by ip.
func (h *Host) Links(ctx context.Context) ([]string, error) {
	var links []struct {
		Name string `json:"ifname"`
	}
	if err := h.ask(ctx, &links, "iproute2", "ip", "-j", "link"); err != nil {
		return nil, fmt.Errorf("cannot list the links of %s: %w", h.Name(), err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Name)
	}
	return names, nil
}

// DeleteLink removes a link; one that does not exist is no error.
func (h *Host) DeleteLink(ctx context.Context, name string) error {
	have, err := h.Links(ctx)
	if err != nil || !slices.Contains(have, name) {
		return err
	}
	if err := h.must(ctx, "ip", "link", "delete", "dev", name); err != nil {
		return fmt.Errorf("cannot remove the link %s of %s: %w", name, h.Name(), err)
	}
	return nil
}

// Tables lists the nftables tables as "family name", by nft.
func (h *Host) Tables(ctx context.Context) ([]string, error) {
	var list struct {
		Items []struct {
			Table *struct{ Family, Name string }
		} `json:"nftables"`
	}
	if err := h.ask(ctx, &list, "nftables", "nft", "-j", "list", "tables"); err != nil {
		return nil, fmt.Errorf("cannot list the nftables tables of %s: %w", h.Name(), err)
	}
	var names []string
	for _, i := range list.Items {
		if i.Table != nil {
			names = append(names, i.Table.Family+" "+i.Table.Name)
		}
	}
	return names, nil
}

// DeleteTable removes a table; one that does not exist is no error.
func (h *Host) DeleteTable(ctx context.Context, table string) error {
	have, err := h.Tables(ctx)
	if err != nil || !slices.Contains(have, table) {
		return err
	}
	family, name, _ := strings.Cut(table, " ")
	if err := h.must(ctx, "nft", "delete", "table", family, name); err != nil {
		return fmt.Errorf("cannot remove the nftables table %q of %s: %w", table, h.Name(), err)
	}
	return nil
}

// ask reads a program's JSON. Over SSH the kernel is reached by programs only.
func (h *Host) ask(ctx context.Context, answer any, debian string, argv ...string) error {
	res, err := h.Run(ctx, host.Command{Argv: argv, Env: []string{"LC_ALL=C"}})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not installed there: install it first (Debian: apt-get install %s): %w", argv[0], debian, err)
	case err != nil:
		return err
	case res.Code != 0:
		return fmt.Errorf("%s: exit status %d: %s", strings.Join(argv, " "), res.Code, strings.TrimSpace(string(res.Stderr)))
	}
	if err := json.Unmarshal(res.Stdout, answer); err != nil {
		return fmt.Errorf("read the answer of %s: %w", strings.Join(argv, " "), err)
	}
	return nil
}
