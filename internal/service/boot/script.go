package boot

import "strings"

// shell makes a command line of words for a script. The scripts are read by
// init systems that know nothing but shell.
func shell(argv []string) string {
	quoted := make([]string, len(argv))
	for i, w := range argv {
		quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

func sysv(command, halt []string) string {
	return `#!/bin/sh
### BEGIN INIT INFO
# Provides:          keelway
# Required-Start:    $local_fs $network
# Required-Stop:     $local_fs $network
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Keelway's services (containerd, kubelet)
### END INIT INFO
# Made by keelway; removed by keelway down.
case "$1" in
start) exec ` + shell(command) + ` ;;
stop) exec ` + shell(halt) + ` ;;
restart|force-reload) ` + shell(halt) + `; exec ` + shell(command) + ` ;;
*) echo "usage: $0 start|stop|restart" >&2; exit 2 ;;
esac
`
}

func openrc(command, halt []string) string {
	return `#!/sbin/openrc-run
# Made by keelway; removed by keelway down.
description="Keelway's services (containerd, kubelet)"
depend() {
	# Not need: Debian's OpenRC has no localmount.
	use localmount net
	after bootmisc
}
start() {
	ebegin "Starting Keelway's services"
	` + shell(command) + `
	eend $?
}
stop() {
	ebegin "Stopping Keelway's services"
	` + shell(halt) + `
	eend $?
}
`
}

func cron(command []string) string {
	// "%" ends a command in a crontab.
	return "# Made by keelway; removed by keelway down.\n@reboot root " + strings.ReplaceAll(shell(command), "%", `\%`) + "\n"
}
