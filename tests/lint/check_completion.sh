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
	complete_words "${@:2}"
	if ! grep -qx -- "$1" <<<"$(printf '%s\n' "${COMPREPLY[@]}")"; then
		echo "behind '${*:2}' not offered: $1 (but ${COMPREPLY[*]})"
		status=1
	fi
}
offers_only() { # WANTED WORD...: nothing else than these, in one word
	complete_words "${@:2}"
	if [ "${COMPREPLY[*]}" != "$1" ]; then
		echo "behind '${*:2}' not only offered: $1 (but ${COMPREPLY[*]})"
		status=1
	fi
}
complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMP_LINE="$*"
	COMP_LINE=${COMP_LINE// = /=} # bash breaks words there
	COMP_POINT=${#COMP_LINE}
	COMPREPLY=()
	"_$1"
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
offers --help virtpind -
offers --help virtpind plan -
offers --help virtpind-bench -
offers_only --help virtpind --he
offers_only require virtpind plan --policy dedicated --option smt = r
offers require virtpind plan --policy dedicated --option smt =
offers_only session virtpind --bus = se
offers system virtpind --bus =
offers_only --bus=session virtpind --bus=se
offers /etc/passwd virtpind --config = /etc/pass
offers_only require virtpind plan --option = smt = r
offers explain virtpinctl exp
offers smt= virtpinctl plan --xml d0.xml sm
offers_only --since= virtpinctl log win11 -- --si
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
