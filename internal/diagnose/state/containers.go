package state

import "keelway.dev/keelway/internal/diagnose/container"

// containers finds what the runtime has of the component.
func (st *State) containers(r *container.Runtime) {
	if r == nil {
		return
	}
	st.Containers = r.Of(st.Namespace, st.Container)
	for _, c := range st.Containers {
		if c.State == container.Running {
			st.Running = true
			st.Restarts += c.Attempt
		}
	}
	if len(st.Containers) == 0 {
		return
	}
	st.Version = tag(st.Containers[0].Image)
	if !st.Running {
		st.Restarts = st.Containers[0].Attempt
	}
}

func (st *State) runningContainers() int {
	n := 0
	for _, c := range st.Containers {
		if c.PID != 0 {
			n++
		}
	}
	return n
}
