package service

import "syscall"

// signalName is Go's word for a signal, such as "killed".
func signalName(n int) string { return syscall.Signal(n).String() }
