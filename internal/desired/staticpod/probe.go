package staticpod

import (
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// PortName is the name of the port that every probe of a static pod asks.
const PortName = "probe-port"

// Target is what a component's probes ask.
type Target struct {
	// Host is "" for the pod's own address.
	Host   string
	Scheme corev1.URIScheme
	Port   int32
}

// Address is the host to probe a component at that listens on bind: none for
// "all addresses", because that is no address to connect to.
func Address(bind string) string {
	if bind == "0.0.0.0" || bind == "::" {
		return ""
	}
	return bind
}

// Ports lists the probed port.
func (t Target) Ports() []corev1.ContainerPort {
	return []corev1.ContainerPort{{Name: PortName, ContainerPort: t.Port, Protocol: corev1.ProtocolTCP}}
}

// Liveness restarts the component after 80 seconds without an answer.
func (t Target) Liveness(path string) *corev1.Probe { return t.probe(path, 10, 8, 10) }

// Readiness asks every second from the start.
func (t Target) Readiness(path string) *corev1.Probe { return t.probe(path, 0, 3, 1) }

// Startup gives the component that long to start before liveness counts.
func (t Target) Startup(path string, allowed time.Duration) *corev1.Probe {
	return t.probe(path, 10, int32(math.Ceil(allowed.Seconds()/10)), 10)
}

func (t Target) probe(path string, delay, failures, period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Host: t.Host, Path: path, Port: intstr.FromString(PortName), Scheme: t.Scheme,
		}},
		InitialDelaySeconds: delay,
		TimeoutSeconds:      15,
		FailureThreshold:    failures,
		PeriodSeconds:       period,
	}
}
