package local

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
)

// families are nftables' names of address families.
var families = map[nftables.TableFamily]string{ //nolint:gochecknoglobals // a constant table
	nftables.TableFamilyIPv4: "ip", nftables.TableFamilyIPv6: "ip6", nftables.TableFamilyINet: "inet",
	nftables.TableFamilyARP: "arp", nftables.TableFamilyBridge: "bridge", nftables.TableFamilyNetdev: "netdev",
}

// Links lists the names of the network links.
func (h *Host) Links(context.Context) ([]string, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("cannot list the links of %s: %w", h.name, err)
	}
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names, nil
}

// DeleteLink removes a link; one that does not exist is no error.
func (h *Host) DeleteLink(_ context.Context, name string) error {
	l, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil {
		return fmt.Errorf("cannot remove the link %s of %s: %w", name, h.name, err)
	}
	return nil
}

// Tables lists the nftables tables as "family name".
func (h *Host) Tables(context.Context) ([]string, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("cannot reach nftables on %s: %w", h.name, err)
	}
	tables, err := c.ListTables()
	if err != nil {
		return nil, fmt.Errorf("cannot list the nftables tables of %s: %w", h.name, err)
	}
	var names []string
	for _, t := range tables {
		names = append(names, families[t.Family]+" "+t.Name)
	}
	return names, nil
}

// DeleteTable removes a table; one that does not exist is no error.
func (h *Host) DeleteTable(ctx context.Context, table string) error {
	have, err := h.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range have {
		if t == table {
			return h.deleteTable(table)
		}
	}
	return nil
}

func (h *Host) deleteTable(table string) error {
	family, name, _ := strings.Cut(table, " ")
	c, err := nftables.New()
	if err != nil {
		return err
	}
	for f, text := range families {
		if text == family {
			c.DelTable(&nftables.Table{Family: f, Name: name})
		}
	}
	if err := c.Flush(); err != nil {
		return fmt.Errorf("cannot remove the nftables table %q of %s: %w", table, h.name, err)
	}
	return nil
}
