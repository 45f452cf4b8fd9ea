# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion for bash: the program itself says what may stand next.
_virtpinctl()
{
	local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} offered text words before
	COMPREPLY=()
	# Not COMP_WORDS, which bash breaks at "=" and ":".
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	before=${words[-1]%"${word#=}"}
	[ "$word" = = ] && before=${words[-1]}
	while IFS=$'\t' read -r text _; do
		if [ "$text" = :files ]; then
			mapfile -t offered < <(compgen -f -- "${words[-1]##*=}")
			COMPREPLY+=("${offered[@]}")
			compopt -o filenames 2>/dev/null
			continue
		fi
		[[ $text == *= ]] && compopt -o nospace 2>/dev/null
		printf -v text %q "${text#"$before"}"
		COMPREPLY+=("${text//\\=/=}")
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
} && complete -F _virtpinctl virtpinctl
