package etcd

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
)

// Status is what one member says of itself. Leader is 0 without one. DBSize
// and DBSizeInUse are bytes: of the file, and of what is stored in it. An alarm
// is as "NOSPACE of 8e9e05c52164694d".
type Status struct {
	ID, Leader          uint64
	Version             string
	DBSize, DBSizeInUse int64
	Revision            int64
	Learner             bool
	Alarms              []string
}

// Status asks one member, which needs no quorum for the answer.
func (c *Client) Status(ctx context.Context, endpoint string) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	r, err := c.client.Status(ctx, endpoint)
	if err != nil {
		return Status{}, explain("cannot read the state of etcd", []string{endpoint}, err)
	}
	return Status{
		ID: r.Header.GetMemberId(), Leader: r.Leader, Version: r.Version,
		DBSize: r.DbSize, DBSizeInUse: r.DbSizeInUse, Revision: r.Header.GetRevision(),
		Learner: r.IsLearner, Alarms: alarms(r.Errors),
	}, nil
}

// alarms takes them out of the texts that the server makes of them.
func alarms(texts []string) []string {
	form := regexp.MustCompile(`memberID:(\d+)\s+alarm:(\w+)`)
	var all []string
	for _, text := range texts {
		if m := form.FindStringSubmatch(text); m != nil {
			id, _ := strconv.ParseUint(m[1], 10, 64)
			all = append(all, fmt.Sprintf("%s of %x", m[2], id))
		}
	}
	return all
}

// HashKV returns the hash of everything that one member stores up to a
// revision, 0 for its own latest, and the revision that it was compacted at.
// Two members agree if both numbers do. It reads the whole store, so it takes
// as long as ctx lets it.
func (c *Client) HashKV(ctx context.Context, endpoint string, revision int64) (hash uint32, compacted int64, err error) {
	r, err := c.client.HashKV(ctx, endpoint, revision)
	if err != nil {
		return 0, 0, explain("cannot hash the store of etcd", []string{endpoint}, err)
	}
	return r.Hash, r.CompactRevision, nil
}
