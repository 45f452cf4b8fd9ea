# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for fish.
complete -c virtpind-bench -f
complete -c virtpind-bench -l domain -x -d 'a running guest of yours' -a '(virsh -r list --name 2>/dev/null)'
complete -c virtpind-bench -l policies -x -d 'what is compared' \
    -a 'none shared dedicated passthrough auto'
complete -c virtpind-bench -l conditions -x -d 'only these' \
    -a 'quiet unpinned siblings-wrong dedicated imitated isolated'
complete -c virtpind-bench -l linux -d 'a Linux guest instead of the tiny one'
complete -c virtpind-bench -l kernel -r -F -d 'with --linux: its kernel'
complete -c virtpind-bench -l rounds -x -d 'how often each is measured'
complete -c virtpind-bench -l window -x -d 'how long each time'
complete -c virtpind-bench -l seed -x -d 'of the random order'
complete -c virtpind-bench -l tcg -d 'emulate the guest'
complete -c virtpind-bench -l json -d 'JSON instead of a table'
complete -c virtpind-bench -l svg -r -F -d 'a picture, too'
complete -c virtpind-bench -l bus -x -a 'system session'
complete -c virtpind-bench -l version -d 'the version'
