# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the program's own --help says which commands, options and values there are.
_virtpind()
{
	local word previous replaced broken_off unbroken help kind i pieces=() words command=()
	COMPREPLY=()
	# Bash breaks words at "=": put together again, "--option=NAME=VALUE" is an option and its value.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		if [[ $i -gt 1 && (${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == =) ]]; then
			pieces[-1]+=${COMP_WORDS[i]}
		else
			pieces+=("${COMP_WORDS[i]}")
		fi
	done
	word=${pieces[-1]} previous=${pieces[-2]}
	[[ $word == --*=* ]] && previous=${word%%=*} word=${word#*=}
	# Bash replaces what it has of the word, not what it has broken off before that.
	replaced=${COMP_WORDS[COMP_CWORD]#=} broken_off= unbroken=
	if [[ $word == *"$replaced" ]]; then
		broken_off=${word%"$replaced"}
	else
		unbroken=${replaced%"$word"}
	fi
	[[ ${COMP_WORDS[1]} == [a-z]* && $COMP_CWORD -gt 1 ]] && command=("${COMP_WORDS[1]}")
	help=$("${COMP_WORDS[0]}" "${command[@]}" --help 2>/dev/null) || return
	# What follows the option in its line of the help: FILE, DIR, "a|b|c" or nothing; and the default.
	kind=$(awk -v option="$previous" '$1 == option { sub(/[:=].*/, "", $2); print $2 }' <<<"$help")
	case $previous:$kind in
	--*:*"|"*) mapfile -t COMPREPLY < <(compgen -W "${kind//|/ }" -- "$word") ;;
	--*:DIR) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
	--*:ID) # the valid ones are in the answer to a wrong one
		kind=$("${COMP_WORDS[0]}" "${command[@]}" "$previous" '?' 2>&1)
		mapfile -t COMPREPLY < <(compgen -W "$(sed 's/.*Valid: //; s/,//g' <<<"$kind")" -- "$word")
		;;
	--*:FILE) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	--policy:*) mapfile -t COMPREPLY < <(compgen -W "none shared dedicated passthrough auto" -- "$word") ;;
	--option:*)
		mapfile -t COMPREPLY < <(virtpinctl complete -- set GUEST "$word" 2>/dev/null | cut -f 1 | grep '=')
		[[ ${#COMPREPLY[@]} = 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
		;;
	*)
		if [[ $word == -* ]]; then
			words=$(grep -oE -- '^ +(-., ?)?--[a-z-]+' <<<"$help" | grep -oE -- '--.*')
			mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
		elif [ "$COMP_CWORD" = 1 ]; then
			mapfile -t COMPREPLY < <(compgen -W "$(sed -n '/^S[Uu][Bb]/,$s/^ \+\([a-z-]\+\).*/\1/p' <<<"$help")" -- "$word")
		else
			# Guests of libvirt; only these for restore, which takes no files. The service need not run.
			mapfile -t COMPREPLY < <(compgen -W "$(virsh -r list --all --name 2>/dev/null)" -- "$word")
			[ "${command[*]}" = restore ] ||
				mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
		fi
		;;
	esac
	COMPREPLY=("${COMPREPLY[@]#"$broken_off"}")
	COMPREPLY=("${COMPREPLY[@]/#/$unbroken}")
} && complete -o filenames -F _virtpind virtpind
