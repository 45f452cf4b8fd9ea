#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every XML file of the bus is well formed, and the polkit actions are valid where polkit's DTD is there.
set -Eeuo pipefail

command -v xmllint >/dev/null || {
	echo "SKIP: xmllint is not installed: tests/install-deps, or apt-get install libxml2-utils"
	exit 77
}
cd "$(dirname "$0")/../.."
shopt -s nullglob
files=(dbus/*.xml dbus/*.conf dbus/*.policy)
[ ${#files[@]} -gt 0 ] && xmllint --noout --nonet "${files[@]}"
polkit_dtd=/usr/share/polkit-1/policyconfig-1.dtd
[ ! -e "$polkit_dtd" ] || xmllint --noout --nonet --dtdvalid "$polkit_dtd" dbus/*.policy
