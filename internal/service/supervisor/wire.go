package supervisor

import "time"

// Status is what the supervisor tells of a service, in JSON.
type Status struct {
	// Known is false for a service that has no unit file and does not run.
	Known    bool      `json:"known"`
	Running  bool      `json:"running"`
	State    string    `json:"state"`
	PID      int       `json:"pid,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Restarts int       `json:"restarts"`
	Exit     string    `json:"exit,omitempty"`
	Boot     string    `json:"boot,omitempty"`
	// Notes say what of the unit is not applied, and why.
	Notes []string `json:"notes,omitempty"`
}

// Failure is the body of every answer that is no success.
type Failure struct {
	Error string `json:"error"`
}

// About describes the supervisor itself.
type About struct {
	PID      int      `json:"pid"`
	Services []string `json:"services"`
}

// Protocol is where the paths of the protocol begin, HTTP over the socket. {name} is a service.
//
//	GET  /v1                      About
//	GET  /v1/service/{name}       Status
//	POST /v1/service/{name}/start
//	POST /v1/service/{name}/restart
//	POST /v1/service/{name}/stop
//	GET  /v1/service/{name}/logs?lines=N   []string
//	POST /v1/end?logs=remove      About; ends the supervisor when no service is left
//	POST /v1/halt                 stops all services, leaves them enabled, ends
const Protocol = "/v1"
