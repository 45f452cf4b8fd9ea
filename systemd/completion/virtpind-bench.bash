# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the program's own --help says which options there are; the service, guests and policies.
_virtpind_bench()
{
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words
	COMPREPLY=()
	case $previous in
	--svg | --kernel) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
	--bus) words="system session" ;;
	--domain) words=$(virsh -r list --name 2>/dev/null) ;;
	--policies) words="none shared dedicated passthrough auto" ;;
	--conditions) words="quiet unpinned siblings-wrong dedicated imitated isolated" ;;
	--rounds | --window | --seed) return ;;
	*) words=$("${COMP_WORDS[0]}" --help 2>/dev/null | grep -oE -- '^ +(-., ?)?--[a-z-]+' | grep -oE -- '--.*') ;;
	esac
	case $previous in
	--policies | --conditions) # a list: the last of it is unfinished
		local before=
		[[ $word == *,* ]] && before=${word%,*},
		mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "${word##*,}")
		;;
	*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word") ;;
	esac
} && complete -o filenames -F _virtpind_bench virtpind-bench
