#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every XML file of the bus is well formed.
set -Eeuo pipefail

command -v xmllint >/dev/null || { echo "SKIP: xmllint is not installed"; exit 77; }
cd "$(dirname "$0")/../.."
shopt -s nullglob
files=(dbus/*.xml dbus/*.conf dbus/*.policy)
[ ${#files[@]} -gt 0 ] && xmllint --noout --nonet "${files[@]}"
