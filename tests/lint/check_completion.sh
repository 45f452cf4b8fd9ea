#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What bash offers behind a few beginnings of a command line. The arguments are virtpind and virtpinctl.
set -uo pipefail

export PATH=${1%/*}:${2%/*}:$PATH
# shellcheck source=systemd/completion/virtpind.bash
. "$(dirname "$0")/../../systemd/completion/virtpind.bash"
# shellcheck source=systemd/completion/virtpinctl.bash
. "$(dirname "$0")/../../systemd/completion/virtpinctl.bash"
# shellcheck source=systemd/completion/virtpind-bench.bash
. "$(dirname "$0")/../../systemd/completion/virtpind-bench.bash"
# shellcheck disable=SC2317 # the completion calls it
virtpind-bench() { PYTHONPATH=$(dirname "$0")/../../clients/bench /usr/bin/python3 -B -m virtpind_bench "$@"; }
# shellcheck disable=SC2317 # by its name
_virtpind-bench() { _virtpind_bench; }
status=0
offers() { # WANTED WORD...: among what is offered behind the words, the last of which is unfinished
	COMP_WORDS=("${@:2}")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_LINE="${*:2}"
	COMP_LINE=${COMP_LINE// = /=} # bash breaks words there
	COMP_POINT=${#COMP_LINE}
	COMPREPLY=()
	"_$2"
	if ! printf '%s\n' "${COMPREPLY[@]}" | grep -qx -- "$1"; then
		echo "behind '${*:2}' not offered: $1 (but ${COMPREPLY[*]})"
		status=1
	fi
}
offers plan virtpind pl
offers --log-level virtpind --lo
offers warning virtpind --log-level w
offers session virtpind --bus ''
offers --scenario virtpind plan --s
offers doctor virtpind doc
offers --explain virtpind doctor --ex
offers pin.dup virtpind doctor --explain pin.
offers never virtpind doctor --fail-on n
offers migrate-xml virtpind mig
offers --persistent virtpind migrate-xml --p
offers json virtpind plan --format j
offers /etc/passwd virtpind --config /etc/pass
offers /etc/passwd virtpind plan /etc/pass
offers dedicated virtpind plan --policy ded
offers smt=require virtpind plan --policy dedicated --option smt=req
offers explain virtpinctl exp
offers --problems virtpinctl list --pro
offers pretty virtpinctl list --json pr
offers smt= virtpinctl set win11 sm
offers smt=require virtpinctl set win11 smt=req
offers require virtpinctl set win11 smt = req
offers /etc/passwd virtpinctl plan --xml /etc/pass
offers --policies virtpind-bench --p
offers session virtpind-bench --bus s
offers dedicated virtpind-bench --domain win11 --policies ded
offers none,dedicated virtpind-bench --domain win11 --policies none,ded
offers quiet,imitated virtpind-bench --conditions quiet,im
offers /etc/passwd virtpind-bench --svg /etc/pass
exit $status
