package etcd

import (
	"context"
	"fmt"
)

// Raw returns the bytes that are stored under a key, as they lie in etcd; nil
// when there are none.
func (c *Client) Raw(ctx context.Context, key string) ([]byte, error) {
	var value []byte
	err := c.once(ctx, func(ctx context.Context) error {
		r, err := c.client.Get(ctx, key)
		if err == nil && len(r.Kvs) > 0 {
			value = r.Kvs[0].Value
		}
		return err
	})
	return value, explain(fmt.Sprintf("cannot read %s from etcd", key), c.endpoints, err)
}
